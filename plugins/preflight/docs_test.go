package preflight

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDocs compares the page of the checks with the table of the program.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/preflight.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	row := regexp.MustCompile("(?m)^\\| (`.+`) \\| ([IWCE ]+) \\| .*(error|warning).* \\| .+ \\| .*\\|$")
	for _, cells := range row.FindAllStringSubmatch(string(text), -1) {
		for _, name := range strings.Split(cells[1], ", ") {
			documented[strings.Trim(name, "`")] = cells[2]
		}
	}
	exist := map[string]string{}
	c := hostConfig{
		Role: roleInit, APIPort: 6443, KubernetesVersion: "v1.36.3", KubernetesDir: "/etc/kubernetes", EtcdDataDir: "/var/lib/etcd",
		APIServer: "10.0.0.1", PodSubnets: []string{"10.0.0.0/8", "fd00::/48"}, ProxyMode: "ipvs", Directory: "DIRECTORY",
	}
	external := c
	external.EtcdEndpoints = []string{"https://e:2379"}
	letters := map[string]string{roleInit: "I", roleJoin: "W", roleJoinCP: "C", roleEmbedded: "E"}
	for _, k := range slices.Concat(machine{}.checks(c), machine{}.checks(external)) {
		var roles []string
		for _, r := range k.roles {
			roles = append(roles, letters[r])
		}
		if len(roles) > 0 { // the one config of an etcd elsewhere or the other asks for it
			exist[k.name] = strings.Join(roles, " ")
		}
	}
	for name, roles := range exist {
		if documented[name] != roles {
			t.Errorf("docs/preflight.md: %s has roles %q, want %q", name, documented[name], roles)
		}
	}
	for name := range documented {
		if _, ok := exist[name]; !ok {
			t.Errorf("docs/preflight.md: there is no check %s", name)
		}
	}
}
