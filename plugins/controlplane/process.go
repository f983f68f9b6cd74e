package controlplane

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/clusterflow/clusterflow/plugins/internal/component"
	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// The components, by the names of their programs.
const (
	apiServerName = "kube-apiserver"
	managerName   = "kube-controller-manager"
	schedulerName = "kube-scheduler"
)

const defaultAPIServerPort = 6443

type processConfig struct {
	Component        string           `cf:"component,required" enum:"kube-apiserver kube-controller-manager kube-scheduler" doc:"Which component."`
	Binary           string           `cf:"binary,required" doc:"Path of its program."`
	Address          string           `cf:"address" default:"\"127.0.0.1\"" doc:"IP address on which it is reached. The API server listens on all, the others on this one only."`
	AdvertiseAddress string           `cf:"advertise_address" doc:"IP address that kube-apiserver tells the cluster. Default: address."`
	SecurePort       int              `cf:"secure_port" doc:"Port. Default: 6443, 10257 or 10259."`
	CertDir          string           `cf:"cert_dir" doc:"Directory of the certificates, by kubeadm's names. Required but for kube-scheduler."`
	Kubeconfig       string           `cf:"kubeconfig" doc:"Path of its kubeconfig. Required but for kube-apiserver."`
	Etcd             *etcdClient      `cf:"etcd" doc:"How kube-apiserver reaches etcd: the output client of an etcd phase, with endpoints, ca_file, cert_file and key_file."`
	ServiceSubnet    string           `cf:"service_subnet" default:"\"10.96.0.0/12\"" doc:"Addresses of services: a CIDR, or one of each family, separated by a comma."`
	PodSubnet        string           `cf:"pod_subnet" doc:"Addresses of pods, of which kube-controller-manager gives each node a part. Empty: it does not."`
	DNSDomain        string           `cf:"dns_domain" default:"\"cluster.local\"" doc:"Domain of services, part of the issuer of service account tokens."`
	ClusterName      string           `cf:"cluster_name" default:"\"kubernetes\"" doc:"Name of the cluster."`
	ExtraArgs        []component.Flag `cf:"extra_args" doc:"More flags, as objects with name and value. One replaces the defaults of its name."`
	LogFile          string           `cf:"log_file,required" doc:"File that gets what the component prints."`
}

type processOutputs struct {
	URL     string `cf:"url" doc:"Where it is reached, such as \"https://127.0.0.1:6443\"."`
	Healthz string `cf:"healthz" doc:"URL that tells whether it is healthy."`
	PID     int    `cf:"pid,late" doc:"Its process id."`
}

func processType() sdk.Type {
	return resource.Phase[processConfig, processOutputs]{
		Name: "process",
		Doc: "A component of the control plane as a process of this host, with kubeadm's flags. It outlives clusterflow. " +
			"It is restarted when its flags, its program or a file it was given change. Nothing restarts it when it dies but the next apply. " +
			"All components may be started at once: only the API server waits for etcd.",
		Example: `phase "controlplane.process" "apiserver" {
  component = "kube-apiserver"
  binary    = "/usr/local/bin/kube-apiserver"
  address   = "192.0.2.10"
  cert_dir  = "/etc/kubernetes/pki"
  log_file  = "/var/log/kube-apiserver.log"
  etcd = {
    endpoints = ["https://127.0.0.1:2379"]
    ca_file   = "/etc/kubernetes/pki/etcd/ca.crt"
    cert_file = "/etc/kubernetes/pki/apiserver-etcd-client.crt"
    key_file  = "/etc/kubernetes/pki/apiserver-etcd-client.key"
  }
}`,
		CancelGrace: 15 * time.Second, // to stop one that is not ready yet
		Access: []sdk.Access{
			{Kind: sdk.AccessExec, What: "config.binary"},
			{Kind: sdk.AccessPath, What: "config.cert_dir, config.kubeconfig, config.etcd"},
			{Kind: sdk.AccessPath, What: "config.log_file", Write: true},
			{Kind: sdk.AccessNet, What: "tcp"},
		},
		Validate: validateProcess,
		Build:    buildProcess,
	}.Type()
}

func validateProcess(c processConfig) error {
	for name, address := range map[string]string{"address": c.Address, "advertise_address": c.AdvertiseAddress} {
		if _, err := netip.ParseAddr(address); err != nil && address != "" {
			return attrError(name, "%q is not an IP address", address)
		}
	}
	if c.SecurePort < 0 || c.SecurePort > 65535 {
		return attrError("secure_port", "%d is not a port", c.SecurePort)
	}
	required := map[string]bool{"cert_dir": c.CertDir != "", "kubeconfig": c.Kubeconfig != "", "etcd": c.Etcd != nil}
	for _, name := range map[string][]string{
		apiServerName: {"cert_dir", "etcd"}, managerName: {"cert_dir", "kubeconfig"}, schedulerName: {"kubeconfig"},
	}[c.Component] {
		if !required[name] {
			return attrError(name, "%s needs it", c.Component)
		}
	}
	if c.Etcd != nil && (c.Component != apiServerName || len(c.Etcd.Endpoints) == 0) {
		return attrError("etcd", "only %s takes it, with at least one endpoint", apiServerName)
	}
	return nil
}

func buildProcess(_ context.Context, in resource.Input[processConfig]) (resource.Work[processOutputs], error) {
	c := in.Config.complete(in.WorkDir)
	args, err := c.args()
	if err != nil {
		return resource.Work[processOutputs]{}, err
	}
	ready := c.readiness()
	process := (&resource.Process{
		Name: c.Component, Argv: append([]string{c.Binary}, args...), LogFile: c.LogFile,
		Env: proxyVariables(os.Environ()), Inputs: component.Files(args), Listens: []string{c.listens()},
		Ready: ready.check, ReadyTimeout: readyTimeout, StopTimeout: stopTimeout,
	}).Recall(in.Record)
	known := processOutputs{URL: "https://" + c.hostPort(), Healthz: ready.url}
	return resource.Work[processOutputs]{
		Resources: []resource.Resource{process},
		Known:     func() processOutputs { return known },
		Outputs: func(context.Context) (processOutputs, error) {
			known.PID = process.Started.PID
			return known, nil
		},
	}, nil
}

// complete makes paths absolute and fills in what depends on the component.
func (c processConfig) complete(workDir string) processConfig {
	for _, path := range []*string{&c.Binary, &c.CertDir, &c.Kubeconfig, &c.LogFile} {
		*path = hostpath.Abs(workDir, *path)
	}
	if c.Etcd != nil {
		etcd := *c.Etcd
		for _, path := range []*string{&etcd.CAFile, &etcd.CertFile, &etcd.KeyFile} {
			*path = hostpath.Abs(workDir, *path)
		}
		c.Etcd = &etcd
	}
	c.AdvertiseAddress = cmp.Or(c.AdvertiseAddress, c.Address)
	c.SecurePort = cmp.Or(c.SecurePort, map[string]int{
		apiServerName: defaultAPIServerPort, managerName: defaultManagerPort, schedulerName: defaultSchedulerPort,
	}[c.Component])
	return c
}

func (c processConfig) args() ([]string, error) {
	switch c.Component {
	case apiServerName:
		return apiServer{
			AdvertiseAddress: c.AdvertiseAddress, Port: c.SecurePort, CertDir: c.CertDir, Etcd: *c.Etcd,
			ServiceSubnet: c.ServiceSubnet, DNSDomain: c.DNSDomain, Extra: c.ExtraArgs,
		}.args(), nil
	case managerName:
		external, err := externalCA(c.CertDir)
		return controllerManager{
			BindAddress: c.Address, Port: c.SecurePort, CertDir: c.CertDir, ExternalCA: external, Kubeconfig: c.Kubeconfig,
			ClusterName: c.ClusterName, ServiceSubnet: c.ServiceSubnet, PodSubnet: c.PodSubnet, Extra: c.ExtraArgs,
		}.args(), err
	default:
		return scheduler{BindAddress: c.Address, Port: c.SecurePort, Kubeconfig: c.Kubeconfig, Extra: c.ExtraArgs}.args(), nil
	}
}

// externalCA reports that there is an authority whose key is kept elsewhere. One
// that is yet to be made will have its key here.
func externalCA(certDir string) (bool, error) {
	if _, err := os.Stat(filepath.Join(certDir, "ca.crt")); err != nil {
		return false, ignoreAbsent(err)
	}
	_, err := os.Stat(filepath.Join(certDir, "ca.key"))
	return errors.Is(err, os.ErrNotExist), ignoreAbsent(err)
}

func ignoreAbsent(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// port is where it listens, with the extra flags.
func (c processConfig) port() string {
	if port, given := component.Last(c.ExtraArgs, "secure-port"); given {
		return port
	}
	return strconv.Itoa(c.SecurePort)
}

// bindAddress is where it listens, with the extra flags. Empty means everywhere.
func (c processConfig) bindAddress() string {
	bind, given := component.Last(c.ExtraArgs, "bind-address")
	if !given && c.Component != apiServerName {
		bind = c.Address
	}
	if ip, err := netip.ParseAddr(bind); err == nil && ip.IsUnspecified() {
		return ""
	}
	return bind
}

// hostPort is where it is reached.
func (c processConfig) hostPort() string {
	return net.JoinHostPort(cmp.Or(c.bindAddress(), c.Address), c.port())
}

// listens is what must be free when it starts.
func (c processConfig) listens() string { return net.JoinHostPort(c.bindAddress(), c.port()) }

// proxyVariables names the variables that tell programs to use a proxy. kubeadm
// passes them on too.
func proxyVariables(environ []string) []string {
	var names []string
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if strings.HasSuffix(strings.ToLower(name), "_proxy") && value != "" {
			names = append(names, name)
		}
	}
	return names
}
