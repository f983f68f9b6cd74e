package kubelet

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/zclconf/go-cty/cty"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/clusterflow/clusterflow/plugins/internal/component"
	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
	"github.com/clusterflow/clusterflow/plugins/internal/subnet"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// clientCertificate is the link to the client certificate and key that the kubelet
// rotates, in its certificate directory.
const clientCertificate = "kubelet-client-current.pem"

type configConfig struct {
	Dir           string           `cf:"dir" default:"\"/var/lib/kubelet\"" doc:"Directory of the kubelet, where the files go."`
	NodeName      string           `cf:"node_name" doc:"Name of the node. Default: the host name."`
	CRISocket     string           `cf:"cri_socket" default:"\"unix:///var/run/containerd/containerd.sock\"" doc:"Socket of the container runtime."`
	ServiceSubnet string           `cf:"service_subnet" default:"\"10.96.0.0/12\"" doc:"Addresses of services: a CIDR, or one of each family, separated by a comma. The tenth of the first is the cluster's DNS."`
	DNSDomain     string           `cf:"dns_domain" default:"\"cluster.local\"" doc:"Domain of services."`
	CertDir       string           `cf:"cert_dir" default:"\"/etc/kubernetes/pki\"" doc:"Directory of ca.crt, whose clients the kubelet believes."`
	Taints        []taint          `cf:"taints" doc:"Taints with which the node registers, as objects with key, value and effect."`
	ExtraArgs     []component.Flag `cf:"extra_args" doc:"Flags of the kubelet, as objects with name and value. One replaces the defaults of its name."`
	Configuration cty.Value        `cf:"configuration" doc:"Fields of a KubeletConfiguration (kubelet.config.k8s.io/v1beta1), as YAML text or as an object: those that differ from the defaults, or, on a node that joins, what the ConfigMap kubelet-config has."`
	PatchesDir    string           `cf:"patches_dir" doc:"Directory with patches of this node's configuration, in files named kubeletconfiguration[SUFFIX][+strategic|+merge|+json].yaml or .json, as kubeadm takes them."`
}

type taint struct {
	Key    string `cf:"key,required"`
	Value  string `cf:"value"`
	Effect string `cf:"effect,required"`
}

type configOutputs struct {
	Config            string `cf:"config" doc:"Path of config.yaml."`
	Flags             string `cf:"flags" doc:"Path of kubeadm-flags.env."`
	NodeName          string `cf:"node_name" doc:"Name that the node will have."`
	Healthz           string `cf:"healthz" doc:"URL at which the kubelet tells its health; empty if it does not."`
	ClientCertificate string `cf:"client_certificate" doc:"Path at which the kubelet will keep its client certificate and key."`
	Configuration     string `cf:"configuration" doc:"The KubeletConfiguration that all nodes share, as YAML: without the patches and the runtime's socket of this one. It belongs into the cluster (controlplane.upload_config)."`
}

func configType(h host) sdk.Type {
	return resource.Phase[configConfig, configOutputs]{
		Name: "config",
		Doc: "The files that the kubelet starts with, as kubeadm writes them: config.yaml, instance-config.yaml and kubeadm-flags.env, " +
			"and the directory of its static pods, where there is none. " +
			"Where systemd-resolved runs, pods get the name servers that it uses itself.",
		Example: `phase "kubelet.config" "kubelet_config" {
  cri_socket    = "unix:///run/containerd/containerd.sock"
  configuration = { maxPods = 200 }
  taints        = [{ key = "dedicated", value = "db", effect = "NoSchedule" }]
  extra_args    = [{ name = "node-ip", value = "192.0.2.10" }]
}`,
		Access: []sdk.Access{
			{Kind: sdk.AccessPath, What: "config.dir, staticPodPath", Write: true},
			{Kind: sdk.AccessPath, What: "config.patches_dir"},
			{Kind: sdk.AccessUnit, What: "systemd-resolved.service"},
		},
		Validate: validateConfig,
		Build: func(ctx context.Context, in resource.Input[configConfig]) (resource.Work[configOutputs], error) {
			return buildConfig(ctx, h, in)
		},
	}.Type()
}

func validateConfig(c configConfig) error {
	if !strings.HasPrefix(c.CRISocket, "unix:///") {
		return attrError("cri_socket", "%q is not a socket such as unix:///run/containerd/containerd.sock", c.CRISocket)
	}
	if c.NodeName != "" {
		if problems := validation.IsDNS1123Subdomain(c.NodeName); len(problems) > 0 {
			return attrError("node_name", "%q is no name of a node: %s", c.NodeName, strings.Join(problems, "; "))
		}
	}
	if _, err := subnet.Address(c.ServiceSubnet, subnet.DNSIndex); err != nil {
		return attrError("service_subnet", "%w", err)
	}
	for i, t := range c.Taints {
		if err := t.validate(); err != nil {
			return cty.GetAttrPath("taints").IndexInt(i).NewError(err)
		}
	}
	for i, f := range c.ExtraArgs {
		if err := validateFlag(f); err != nil {
			return cty.GetAttrPath("extra_args").IndexInt(i).NewError(err)
		}
	}
	_, err := c.shared()
	return err
}

func buildConfig(ctx context.Context, h host, in resource.Input[configConfig]) (resource.Work[configOutputs], error) {
	c := in.Config
	for _, path := range []*string{&c.Dir, &c.CertDir, &c.PatchesDir} {
		*path = hostpath.Abs(in.WorkDir, *path)
	}
	d, err := c.documents(ctx, h)
	if err != nil {
		return resource.Work[configOutputs]{}, err
	}
	hostname, err := h.nodeName()
	if err != nil {
		return resource.Work[configOutputs]{}, err
	}
	file := func(name string, content []byte) *resource.File {
		return &resource.File{Path: filepath.Join(c.Dir, name), Mode: 0o644, DirMode: 0o700, Content: content}
	}
	config, flags := file("config.yaml", d.own), file("kubeadm-flags.env", c.flagsFile(hostname))
	certDir, given := component.Last(c.ExtraArgs, "cert-dir")
	if !given {
		certDir = filepath.Join(c.Dir, "pki")
	}
	known := configOutputs{
		Config: config.Path, Flags: flags.Path, NodeName: c.nodeName(hostname), Healthz: d.healthz,
		ClientCertificate: filepath.Join(certDir, clientCertificate), Configuration: string(d.shared),
	}
	work := resource.Work[configOutputs]{Known: func() configOutputs { return known }}
	if dir := (&resource.Dir{Path: d.manifests, Mode: 0o700}); makes(dir, in.Record) {
		work.Resources = append(work.Resources, dir)
	}
	// config.yaml is last: a packaged kubelet waits for it and starts by itself.
	work.Resources = append(work.Resources, flags, file("instance-config.yaml", c.instanceFile()), config)
	return work, nil
}

// makes reports whether the directory of static pods is ours to make: it is not
// there, or was not before. A kubelet that starts without it looks for it again
// only now and then, up to 20 s later.
func makes(dir *resource.Dir, record resource.Record) bool {
	if dir.Path == "" {
		return false
	}
	_, ours := record.Find(dir.ID())
	_, err := os.Stat(dir.Path)
	return ours || os.IsNotExist(err)
}

// nodeName is the name by which the kubelet registers.
func (c configConfig) nodeName(hostname string) string {
	if name, given := component.Last(c.ExtraArgs, "hostname-override"); given {
		return name
	}
	return cmp.Or(c.NodeName, hostname)
}

// printable reports whether text can be a part of a line in an environment file.
func printable(text string) bool {
	return !strings.ContainsFunc(text, unicode.IsControl)
}
