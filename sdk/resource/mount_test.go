package resource

import "testing"

func TestMountIn(t *testing.T) {
	const mountinfo = `22 1 8:1 / / rw - ext4 /dev/sda1 rw
30 22 8:2 / /var/lib/etcd rw - ext4 /dev/sdb rw
31 22 0:5 / /mnt/with\040space rw - tmpfs tmpfs rw
broken line
`
	tests := map[string]string{
		"/var/lib/etcd":      "/var/lib/etcd",
		"/var/lib":           "/var/lib/etcd",
		"/var/lib/etcd/data": "",
		"/var/li":            "",
		"/mnt/with space":    "/mnt/with space",
		"/home":              "",
	}
	for path, want := range tests {
		if got := mountIn(mountinfo, path); got != want {
			t.Errorf("mountIn(%q): got %q, want %q", path, got, want)
		}
	}
}

func FuzzMountIn(f *testing.F) {
	f.Add("30 22 8:2 / /var/lib/etcd rw", "/var")
	f.Fuzz(func(_ *testing.T, mountinfo, path string) { mountIn(mountinfo, path) })
}
