package controlplane

import (
	"strconv"

	"github.com/clusterflow/clusterflow/plugins/internal/component"
)

// defaultSchedulerPort is where kube-scheduler listens unless told.
const defaultSchedulerPort = 10259

// scheduler is what the command line of kube-scheduler is made of.
type scheduler struct {
	BindAddress string
	Port        int
	Kubeconfig  string
	Extra       []component.Flag
}

// args returns the flags that kubeadm 1.36 gives, and the port where it is not
// the default.
func (s scheduler) args() []string {
	flags := map[string]string{
		"authentication-kubeconfig": s.Kubeconfig,
		"authorization-kubeconfig":  s.Kubeconfig,
		"bind-address":              s.BindAddress,
		"kubeconfig":                s.Kubeconfig,
		"leader-elect":              "true",
	}
	if s.Port != defaultSchedulerPort {
		flags["secure-port"] = strconv.Itoa(s.Port)
	}
	return component.Args(flags, s.Extra)
}
