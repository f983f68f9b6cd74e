package lab

import (
	"slices"
	"testing"
)

func TestParseHierarchies(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		own, mounts string
		want        []hierarchy
	}{
		"version 2": {
			own:    "0::/user.slice/session-1.scope\n",
			mounts: "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
			want:   []hierarchy{{"/sys/fs/cgroup", "/user.slice/session-1.scope"}},
		},
		"hybrid": {
			own: "9:name=systemd:/a\n5:cpuacct,cpu:/\n3:rdma:/\n2:cpuset:/b:c\n0::/u\n",
			mounts: "24 23 0:20 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n" +
				"25 24 0:21 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n" +
				"26 24 0:22 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n" +
				"27 24 0:23 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n" +
				"28 24 0:24 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
			want: []hierarchy{
				{"/sys/fs/cgroup/systemd", "/a"},
				{"/sys/fs/cgroup/cpu,cpuacct", "/"},
				{"/sys/fs/cgroup/cpuset", "/b:c"},
				{"/sys/fs/cgroup/unified", "/u"},
			},
		},
		"nothing mounted": {own: "0::/\n", mounts: "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := parseHierarchies(tt.own, tt.mounts); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
