package component

import (
	"slices"
	"strings"
)

// Files lists the files that a command line names, each once, in order: the
// values of flags whose names say that they are files to read, such as
// --tls-cert-file, --kubeconfig or --authorization-config. A component reads most
// of them only when it starts; those of the flags in except are left out.
func Files(args []string, except ...string) []string {
	var files []string
	seen := map[string]bool{}
	for _, arg := range args {
		flag, path, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if strings.HasPrefix(path, "/") && namesFile(flag) && !slices.Contains(except, flag) && !seen[path] {
			seen[path] = true
			files = append(files, path)
		}
	}
	return files
}

// namesFile goes by the names that Kubernetes and etcd give their flags.
func namesFile(flag string) bool {
	if flag == "log-file" { // written, not read
		return false
	}
	for _, suffix := range []string{"file", "kubeconfig", "-certificate", "-key", "config"} {
		if strings.HasSuffix(flag, suffix) {
			return true
		}
	}
	return false
}
