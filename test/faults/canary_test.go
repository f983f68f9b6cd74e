//go:build e2e

package faults

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// The canaries: what a pipeline may know and nobody else.
const (
	canaryVariable = "canary-variable-7f3a"
	canaryToken    = "abcdef.canarytoken4711"
	canaryKey      = "e6a2eb8581237ab72a4f494f30285ec12a9694d750b9785706a83bfcbbbd2204" // a certificate key
)

// secretive hands secrets on in every way that there is, and has phases that would
// show them: they print them, fail with them, and die with them.
const secretive = `
variable "password" {
  type      = string
  sensitive = true
}
variable "token" {
  type      = string
  ephemeral = true
}
phase "pki.ca" "ca" {
  dir         = abspath("work/pki")
  base        = "ca"
  common_name = "canary"
}
phase "core.exec" "key" {
  command          = ["sh", "-c", "printf %s \"$PART\"0b9785706a83bfcbbbd2204"]
  secret_env       = { PART = "e6a2eb8581237ab72a4f494f30285ec12a9694d75" }
  sensitive_output = true
}
phase "echo.say" "says" {
  text   = var.password
  secret = phase.key.secret_stdout
}
phase "core.file" "file" {
  path    = abspath("work/secret")
  mode    = "0600"
  content = "${var.password} ${phase.key.secret_stdout}"
}
phase "core.exec" "uses" {
  command    = ["sh", "-c", "echo \"$A\"; echo \"$B\" >&2; cat; sleep 0.3; echo late \"$C\"; exit 3"]
  secret_env = { A = var.password, B = phase.key.secret_stdout, C = var.token }
  stdin      = var.token
}
phase "echo.misbehave" "crash" {
  how        = "crash"
  depends_on = [phase.says]
}
output "password" {
  value     = var.password
  sensitive = true
}
`

// No secret is in anything that is shown, stored, or seen of the processes.
func TestCanary(t *testing.T) {
	s := newSite(t, secretive)
	s.fresh()
	s.local.Env = append(s.local.Env, "CLUSTERFLOW_VAR_password="+canaryVariable, "CLUSTERFLOW_VAR_token="+canaryToken)
	var said bytes.Buffer
	watch := watchProcesses(s)
	for _, command := range [][]string{
		{"plan", "--out", "site.cfplan", "-v"},
		{"plan", "--json"},
		{"apply", "--auto-approve", "-v"},
		{"apply", "--auto-approve", "--json"},
		{"plan"},
		{"explain", "phase.uses"},
		{"explain", "phase.says"},
		{"show", "--json"},
		{"runs", "--json"},
		{"graph"},
		{"undo", "--auto-approve", "-v"},
	} {
		argv := append([]string{s.binary, command[0], "site.hcl"}, append(command[1:], "--state-dir", s.state)...)
		if command[0] == "graph" {
			argv = argv[:3]
		}
		said.WriteString(s.listen(argv))
		if command[0] == "apply" {
			searchFiles(t, s, s.state, filepath.Join(s.dir, "home"), filepath.Join(s.dir, "site.cfplan"))
		}
	}
	watch()
	search(t, "what was printed", said.String(), secrets())
	if !strings.Contains(said.String(), "(sensitive)") {
		t.Error("nothing was masked: the test does not test anything")
	}
}

func secrets() []string { return []string{canaryVariable, canaryToken, canaryKey} }

// listen runs a command, however it ends, and returns all that it prints.
func (s *site) listen(argv []string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	var out, talk bytes.Buffer
	p, err := s.local.Start(ctx, argv, &out, &talk)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := p.Wait(); err != nil {
		s.t.Fatal(err)
	}
	return strings.Join(argv, " ") + "\n" + out.String() + talk.String()
}

func search(t *testing.T, where, text string, secrets []string) {
	t.Helper()
	for _, secret := range secrets {
		if i := strings.Index(text, secret); i >= 0 {
			t.Errorf("%s holds a secret: %.300q", where, text[max(0, i-200):min(len(text), i+100)])
		}
	}
}

// searchFiles looks into all files below some paths for the canaries and for the
// private key that the pipeline made. Directories and files must be private.
func searchFiles(t *testing.T, s *site, roots ...string) {
	t.Helper()
	key, err := os.ReadFile(filepath.Join(s.work(), "pki", "ca.key"))
	if err != nil {
		t.Fatal(err)
	}
	wanted := secrets()
	for line := range strings.Lines(string(key)) {
		if !strings.HasPrefix(line, "-----") {
			wanted = append(wanted, strings.TrimSpace(line))
		}
	}
	for _, root := range roots {
		for _, name := range append(tree(t, root), "") {
			path := filepath.Join(root, name)
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode().Perm()&0o077 != 0 && root == s.state {
				t.Errorf("%s has mode %v", path, info.Mode())
			}
			if text, err := os.ReadFile(path); err == nil {
				search(t, path, string(text), wanted)
			}
		}
	}
	for _, name := range tree(t, s.dir) {
		if strings.HasPrefix(filepath.Base(name), "core") && !strings.HasSuffix(name, ".hcl") {
			t.Errorf("a core file: %s", name)
		}
	}
}

// watchProcesses looks at the command lines of all processes of the site, and at
// the environment of plugins, until the returned function is called.
func watchProcesses(s *site) (stop func()) {
	done, seen := make(chan struct{}), 0
	var group sync.WaitGroup
	group.Go(func() {
		tick := time.NewTicker(3 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			for pid, command := range s.processes() {
				search(s.t, "a command line", command, secrets())
				if !strings.Contains(command, "clusterflow-plugin-") {
					continue
				}
				seen++
				for _, file := range []string{"environ", "limits"} {
					text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), file))
					if err != nil {
						continue
					}
					search(s.t, file+" of "+command, string(text), secrets())
				}
			}
		}
	})
	return func() {
		close(done)
		group.Wait()
		if seen == 0 {
			s.t.Error("no plugin was seen")
		}
	}
}
