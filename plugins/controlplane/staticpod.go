package controlplane

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/clusterflow/clusterflow/plugins/internal/component"
	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
	"github.com/clusterflow/clusterflow/plugins/internal/patches"
	"github.com/clusterflow/clusterflow/plugins/internal/staticpod"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type staticPodConfig struct {
	Component         string             `cf:"component,required" enum:"kube-apiserver kube-controller-manager kube-scheduler" doc:"Which component."`
	KubernetesVersion string             `cf:"kubernetes_version" doc:"Version of the component, such as v1.36.3. Required unless image is set."`
	ImageRepository   string             `cf:"image_repository" default:"\"registry.k8s.io\"" doc:"Where the image comes from."`
	Image             string             `cf:"image" doc:"The image. Default: IMAGE_REPOSITORY/COMPONENT:KUBERNETES_VERSION."`
	ImagePullPolicy   string             `cf:"image_pull_policy" default:"\"IfNotPresent\"" enum:"Always IfNotPresent Never" doc:"When the kubelet pulls it."`
	ManifestsDir      string             `cf:"manifests_dir" default:"\"/etc/kubernetes/manifests\"" doc:"Directory in which the kubelet looks for static pods."`
	AdvertiseAddress  string             `cf:"advertise_address" doc:"IP address that kube-apiserver tells the cluster. Required for it."`
	BindAddress       string             `cf:"bind_address" default:"\"127.0.0.1\"" doc:"IP address on which the others listen. kube-apiserver listens on all."`
	SecurePort        int                `cf:"secure_port" doc:"Port. Default: 6443, 10257 or 10259."`
	CertDir           string             `cf:"cert_dir" default:"\"/etc/kubernetes/pki\"" doc:"Directory of the certificates, by kubeadm's names."`
	Kubeconfig        string             `cf:"kubeconfig" doc:"Path of its kubeconfig. Required but for kube-apiserver."`
	Etcd              *etcdClient        `cf:"etcd" doc:"How kube-apiserver reaches etcd: the output client of an etcd phase, with endpoints, ca_file, cert_file and key_file."`
	ServiceSubnet     string             `cf:"service_subnet" default:"\"10.96.0.0/12\"" doc:"Addresses of services: a CIDR, or one of each family, separated by a comma."`
	PodSubnet         string             `cf:"pod_subnet" doc:"Addresses of pods, of which kube-controller-manager gives each node a part. Empty: it does not."`
	DNSDomain         string             `cf:"dns_domain" default:"\"cluster.local\"" doc:"Domain of services, part of the issuer of service account tokens."`
	ClusterName       string             `cf:"cluster_name" default:"\"kubernetes\"" doc:"Name of the cluster."`
	ExtraArgs         []component.Flag   `cf:"extra_args" doc:"More flags, as objects with name and value. One replaces the defaults of its name."`
	ExtraEnv          []staticpod.Env    `cf:"extra_env" doc:"Environment variables, as objects with name and value. One replaces the proxy variable of its name."`
	ExtraVolumes      []staticpod.Volume `cf:"extra_volumes" doc:"More paths of the host: objects with name, host_path, mount_path, read_only and path_type (a type of hostPath volumes, such as DirectoryOrCreate). One replaces the default of its name."`
	ProxyEnv          bool               `cf:"proxy_env" default:"true" doc:"Whether the component gets the proxy variables with which clusterflow runs, as with kubeadm."`
	StartupTimeout    time.Duration      `cf:"startup_timeout" default:"\"4m\"" doc:"How long the kubelet lets it start before it is restarted."`
	PatchesDir        string             `cf:"patches_dir" doc:"Directory with patches, as for kubeadm --patches: COMPONENT[SUFFIX][+strategic|merge|json].yaml or .json."`
}

type staticPodOutputs struct {
	URL      string         `cf:"url" doc:"Where it is reached, such as \"https://192.0.2.10:6443\"."`
	Healthz  string         `cf:"healthz" doc:"URL that tells whether it is healthy."`
	Manifest string         `cf:"manifest" doc:"Path of its manifest."`
	Image    string         `cf:"image" doc:"Its image, to be pulled in advance."`
	Pod      *staticpod.Ref `cf:"pod,late" doc:"Which pod should run: name, and digest of the manifest and of the files that are read only at the start. controlplane.wait takes it in pods. Null once controlplane.self_hosted has put a DaemonSet in its place."`
}

func staticPodType() sdk.Type {
	return resource.Phase[staticPodConfig, staticPodOutputs]{
		Name: "static_pod",
		Doc: "A component of the control plane as a static pod, as kubeadm makes it. The phase writes the manifest and does not wait: " +
			"the kubelet starts the pod, and starts a new one when the manifest changes. " +
			"The manifest also changes with the content of files that the component reads only when it starts, such as its kubeconfig, " +
			"so let the phase come after those that make them. Give the output pod to controlplane.wait, which tells the new pod from the old one.",
		Example: `phase "controlplane.static_pod" "apiserver" {
  component          = "kube-apiserver"
  kubernetes_version = "v1.36.3"
  advertise_address  = "192.0.2.10"
  etcd = {
    endpoints = ["https://127.0.0.1:2379"]
    ca_file   = "/etc/kubernetes/pki/etcd/ca.crt"
    cert_file = "/etc/kubernetes/pki/apiserver-etcd-client.crt"
    key_file  = "/etc/kubernetes/pki/apiserver-etcd-client.key"
  }
  extra_args = [{ name = "event-ttl", value = "2h" }]
}`,
		Access: []sdk.Access{
			{Kind: sdk.AccessPath, What: "config.cert_dir, config.kubeconfig, config.etcd, config.patches_dir"},
			{Kind: sdk.AccessPath, What: "config.manifests_dir", Write: true},
		},
		Kinds:    []resource.Kind{staticpod.Kind()},
		Validate: validateStaticPod,
		Build: func(_ context.Context, in resource.Input[staticPodConfig]) (resource.Work[staticPodOutputs], error) {
			return buildStaticPod(in)
		},
	}.Type()
}

func validateStaticPod(c staticPodConfig) error {
	switch {
	case c.Component == apiServerName && c.AdvertiseAddress == "":
		return attrError("advertise_address", "%s needs it", apiServerName)
	case c.Image == "" && !regexp.MustCompile(`^v\d+\.\d+\.\d+`).MatchString(c.KubernetesVersion):
		return attrError("kubernetes_version", "%q is not a version such as v1.36.3", c.KubernetesVersion)
	case c.StartupTimeout <= 0:
		return attrError("startup_timeout", "must be longer than zero")
	}
	if err := staticpod.CheckVolumes(c.ExtraVolumes); err != nil {
		return attrError("extra_volumes", "%w", err)
	}
	return validateProcess(c.process())
}

func buildStaticPod(in resource.Input[staticPodConfig]) (resource.Work[staticPodOutputs], error) {
	c := in.Config
	manifest, err := c.manifest(in.WorkDir, staticpod.Exists, os.Environ())
	if err != nil {
		return resource.Work[staticPodOutputs]{}, err
	}
	file, err := manifest.File(in.Record)
	if err != nil {
		return resource.Work[staticPodOutputs]{}, err
	}
	ready := c.patched(manifest).complete(in.WorkDir)
	known := staticPodOutputs{
		URL: "https://" + ready.hostPort(), Healthz: ready.readiness().url,
		Manifest: manifest.Path, Image: manifest.Pod.Spec.Containers[0].Image,
	}
	if !staticpod.IsAside(manifest.Path) {
		known.Pod = new(manifest.Ref())
	}
	return resource.Work[staticPodOutputs]{
		Resources: []resource.Resource{file},
		Known:     func() staticPodOutputs { return known },
		Outputs:   func(context.Context) (staticPodOutputs, error) { return known, nil },
	}, nil
}

// process is the same component as a process.
func (c staticPodConfig) process() processConfig {
	p := processConfig{
		Component: c.Component, Address: c.BindAddress, AdvertiseAddress: c.AdvertiseAddress, SecurePort: c.SecurePort,
		CertDir: c.CertDir, Kubeconfig: c.Kubeconfig, Etcd: c.Etcd, ServiceSubnet: c.ServiceSubnet, PodSubnet: c.PodSubnet,
		DNSDomain: c.DNSDomain, ClusterName: c.ClusterName, ExtraArgs: c.ExtraArgs,
	}
	if c.Component == apiServerName {
		p.Address = c.AdvertiseAddress
	}
	return p
}

// patched is the component with the addresses that its manifest has in the end.
func (c staticPodConfig) patched(m staticpod.Manifest) processConfig {
	p := c.process()
	for _, name := range []string{"bind-address", "secure-port"} {
		if value, given := m.Flag(name); given {
			p.ExtraArgs = append(p.ExtraArgs[:len(p.ExtraArgs):len(p.ExtraArgs)], component.Flag{Name: name, Value: value})
		}
	}
	if address, given := m.Flag("advertise-address"); given && c.Component == apiServerName {
		p.Address = address
	}
	return p
}

// manifest asks the host through exists alone which of the directories of
// authorities it has.
func (c staticPodConfig) manifest(workDir string, exists func(string) bool, environ []string) (staticpod.Manifest, error) {
	set, err := patches.Load(hostpath.Abs(workDir, c.PatchesDir))
	if err != nil {
		return staticpod.Manifest{}, err
	}
	p := c.process().complete(workDir)
	args, err := p.args()
	if err != nil {
		return staticpod.Manifest{}, err
	}
	if !c.ProxyEnv {
		environ = nil
	}
	parts := partsOf(p)
	return staticpod.Component{
		Name:        c.Component,
		Image:       cmp.Or(c.Image, component.Image(c.ImageRepository, c.Component, c.KubernetesVersion)),
		PullPolicy:  corev1.PullPolicy(c.ImagePullPolicy),
		Command:     append([]string{c.Component}, args...),
		Env:         staticpod.Environment(environ, c.ExtraEnv),
		Requests:    map[corev1.ResourceName]string{corev1.ResourceCPU: parts.cpu},
		Mounts:      staticpod.Sorted(staticpod.Extra(parts.mounts(exists), c.ExtraVolumes)),
		Probes:      parts.probes(c.StartupTimeout),
		Annotations: parts.annotations,
		Reloads:     parts.reloads,
	}.Manifest(hostpath.Abs(workDir, filepath.Clean(c.ManifestsDir)), set)
}
