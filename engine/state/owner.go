package state

import (
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"
)

// Owner says who holds a lock, for the message that another process shows. The
// lock itself is the kernel's and ends with the process.
type Owner struct {
	PID int `json:"pid"`
	// BootID is the kernel's id of this boot: under another one the pid means
	// nothing. Empty where there is none.
	BootID    string `json:"boot_id,omitempty"`
	Host      string `json:"host,omitempty"`
	User      string `json:"user,omitempty"`
	Operation string `json:"operation"`
	// Pipeline is the name that the state of its pipeline is kept under. Empty in the
	// lock of that state itself.
	Pipeline string    `json:"pipeline,omitempty"`
	Since    time.Time `json:"since"`
}

// Self returns this process as an owner.
func Self(operation string, since time.Time) Owner {
	o := Owner{
		PID: os.Getpid(), BootID: BootID(), Operation: operation, Since: since.UTC(), User: strconv.Itoa(os.Getuid()),
	}
	if host, err := os.Hostname(); err == nil {
		o.Host = host
	}
	if u, err := user.Current(); err == nil {
		o.User = u.Username
	}
	return o
}

// BootID is the kernel's id of this boot, or empty where there is none.
func BootID() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(boot))
}

// Here reports whether the owner is a process of this machine, since it booted.
func (o Owner) Here() bool {
	host, err := os.Hostname()
	return err == nil && o.PID > 1 && o.Host == host && !o.stale()
}

// stale reports whether the host was booted since.
func (o Owner) stale() bool {
	host, err := os.Hostname()
	boot := BootID()
	return err == nil && host == o.Host && boot != "" && o.BootID != "" && o.BootID != boot
}

// subdir is where the state is that the owner works on, from the lock's directory.
func (o Owner) subdir(g guard) string {
	if g.lock == hostLockName {
		return o.Pipeline
	}
	return "."
}

// running lists the phases of a run that goes on, sorted.
func (s *State) running() []string {
	if !s.Run.Interrupted() {
		return nil
	}
	var out []string
	for _, address := range s.Addresses() {
		if n := s.Nodes[address]; n.Run == s.Run.ID && (n.Status == Applying || n.Status == Undoing) {
			out = append(out, address)
		}
	}
	return out
}
