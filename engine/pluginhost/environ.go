package pluginhost

import (
	"slices"
	"strings"
)

// environ picks the variables that a plugin may see. Everything else stays with
// the engine: its environment may hold credentials that are none of a plugin's
// business.
func environ(host []string) []string {
	var out []string
	for _, entry := range host {
		name, _, ok := strings.Cut(entry, "=")
		if ok && allowed(name) {
			out = append(out, entry)
		}
	}
	return out
}

// allowed variables say where things are and how to reach the network. Proxy
// variables are read in both cases, as most programs do.
func allowed(name string) bool {
	switch strings.ToLower(name) {
	case "http_proxy", "https_proxy", "no_proxy", "all_proxy":
		return true
	}
	return slices.Contains([]string{"PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR"}, name) ||
		strings.HasPrefix(name, "XDG_") || strings.HasPrefix(name, "SSL_CERT_")
}
