package staticpod

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Env is an environment variable as users write it.
type Env struct {
	Name  string `cf:"name,required"`
	Value string `cf:"value,required"`
}

// Environment merges the proxy variables of environ ("NAME=value") with those of
// a user, who wins, sorted by name.
func Environment(environ []string, extra []Env) []corev1.EnvVar {
	values := map[string]string{}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if IsProxy(name) && value != "" {
			values[name] = value
		}
	}
	for _, e := range extra {
		values[e.Name] = e.Value
	}
	var env []corev1.EnvVar
	for _, name := range slices.Sorted(maps.Keys(values)) {
		env = append(env, corev1.EnvVar{Name: name, Value: values[name]})
	}
	return env
}

// IsProxy reports that a variable tells programs to use a proxy.
func IsProxy(name string) bool { return strings.HasSuffix(strings.ToLower(name), "_proxy") }

// hasPassword reports that a variable holds credentials for a proxy, which no plan
// may show.
func hasPassword(env []corev1.EnvVar) bool {
	return slices.ContainsFunc(env, func(e corev1.EnvVar) bool {
		u, err := url.Parse(e.Value)
		return IsProxy(e.Name) && (err != nil || u.User != nil)
	})
}
