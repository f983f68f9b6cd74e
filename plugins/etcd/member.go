package etcd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/clusterflow/clusterflow/plugins/internal/component"
	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
	"github.com/clusterflow/clusterflow/plugins/internal/patches"
	"github.com/clusterflow/clusterflow/plugins/internal/staticpod"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

const (
	podName = "etcd"
	// annotationClient tells others, kubeadm among them, where this member is.
	annotationClient = "kubeadm.kubernetes.io/etcd.advertise-client-urls"
)

type memberConfig struct {
	Name                string           `cf:"name,required" doc:"Name of the member: that of the node."`
	Address             string           `cf:"address,required" doc:"IP address on which others reach it."`
	ClientPort          int              `cf:"client_port" default:"2379" doc:"Port for clients."`
	PeerPort            int              `cf:"peer_port" default:"2380" doc:"Port for other members."`
	MetricsPort         int              `cf:"metrics_port" default:"2381" doc:"Port for health and metrics, plain HTTP on the loopback address."`
	DataDir             string           `cf:"data_dir" default:"\"/var/lib/etcd\"" doc:"Directory of the data, mode 0700. Undo deletes the data if the phase made it, or if the manifest names the directory, and if no other member shares its cluster or this one has left. A disk that is mounted there stays mounted."`
	Certs               certs            `cf:"certs,required" doc:"Paths: ca, server_cert, server_key, peer_cert, peer_key."`
	Client              keyPair          `cf:"client,required" doc:"Paths cert and key with which an API server connects; passed on in the output client."`
	Healthcheck         *keyPair         `cf:"healthcheck" doc:"Paths cert and key with which undo asks the other members whether this one has left."`
	InitialCluster      []peer           `cf:"initial_cluster" doc:"Members of the cluster, this one among them: objects with name and peer_url. The output of etcd.join. Empty: a cluster of this member alone. It counts for a member without data only."`
	InitialClusterState string           `cf:"initial_cluster_state" default:"\"existing\"" enum:"new existing" doc:"Whether the members of initial_cluster exist, which is a join, or all begin anew."`
	ImageRepository     string           `cf:"image_repository" default:"\"registry.k8s.io\"" doc:"Where the image comes from."`
	ImageTag            string           `cf:"image_tag" default:"\"3.6.8-0\"" doc:"Its tag. The default is that of Kubernetes 1.36."`
	Image               string           `cf:"image" doc:"The image. Default: IMAGE_REPOSITORY/etcd:IMAGE_TAG."`
	ImagePullPolicy     string           `cf:"image_pull_policy" default:"\"IfNotPresent\"" enum:"Always IfNotPresent Never" doc:"When the kubelet pulls it."`
	ManifestsDir        string           `cf:"manifests_dir" default:"\"/etc/kubernetes/manifests\"" doc:"Directory in which the kubelet looks for static pods."`
	ExtraArgs           []component.Flag `cf:"extra_args" doc:"More flags, as objects with name and value. One replaces the defaults of its name."`
	ExtraEnv            []staticpod.Env  `cf:"extra_env" doc:"Environment variables, as objects with name and value."`
	StartupTimeout      time.Duration    `cf:"startup_timeout" default:"\"4m\"" doc:"How long the kubelet lets it start before it is restarted."`
	PatchesDir          string           `cf:"patches_dir" doc:"Directory with patches, as for kubeadm --patches: etcd[SUFFIX][+strategic|merge|json].yaml or .json."`
}

// peer is a member as others know it.
type peer struct {
	Name    string `cf:"name,required"`
	PeerURL string `cf:"peer_url,required"`
}

type memberOutputs struct {
	Client   client        `cf:"client" doc:"What an API server needs: endpoints, ca_file, cert_file and key_file."`
	Version  string        `cf:"version" doc:"Version of etcd as the image tag has it, such as \"3.6.8\"."`
	Healthz  string        `cf:"healthz" doc:"URL that tells whether it is ready. controlplane.wait takes it in components."`
	Manifest string        `cf:"manifest" doc:"Path of its manifest."`
	Image    string        `cf:"image" doc:"Its image, to be pulled in advance."`
	Pod      staticpod.Ref `cf:"pod,late" doc:"Which pod should run: name, and digest of the manifest and of the files that are read only at the start. controlplane.wait takes it in pods."`
}

func memberType() sdk.Type {
	return resource.Phase[memberConfig, memberOutputs]{
		Name: "member",
		Doc: "An etcd member as a static pod, as kubeadm makes it. The phase writes the manifest and does not wait: the kubelet starts the pod, " +
			"and starts a new one when the manifest changes. Renewed certificates are taken up without a restart, another CA is not. " +
			"Undo stops the member first; the data is deleted only where that loses nothing, see data_dir.",
		Example: `phase "etcd.member" "etcd" {
  name    = "n1"
  address = "192.0.2.10"
  certs = {
    ca          = "/etc/kubernetes/pki/etcd/ca.crt"
    server_cert = "/etc/kubernetes/pki/etcd/server.crt"
    server_key  = "/etc/kubernetes/pki/etcd/server.key"
    peer_cert   = "/etc/kubernetes/pki/etcd/peer.crt"
    peer_key    = "/etc/kubernetes/pki/etcd/peer.key"
  }
  client = {
    cert = "/etc/kubernetes/pki/apiserver-etcd-client.crt"
    key  = "/etc/kubernetes/pki/apiserver-etcd-client.key"
  }
}`,
		CancelGrace: stopWithin + 10*time.Second,
		Access: []sdk.Access{
			{Kind: sdk.AccessPath, What: "config.certs, config.healthcheck, config.patches_dir"},
			{Kind: sdk.AccessPath, What: "config.data_dir, config.manifests_dir", Write: true},
			{Kind: sdk.AccessNet, What: "config.initial_cluster"},
		},
		Kinds:    []resource.Kind{resource.KindOf[dataDir](dataDirKind), staticpod.Kind()},
		Validate: validateMember,
		Build: func(ctx context.Context, in resource.Input[memberConfig]) (resource.Work[memberOutputs], error) {
			return buildMember(ctx, in)
		},
	}.Type()
}

func validateMember(c memberConfig) error {
	errs := []error{validateListen(c.Name, c.Address, c.ClientPort, c.PeerPort, c.MetricsPort)}
	self := false
	for _, p := range c.InitialCluster {
		if u, err := url.Parse(p.PeerURL); err != nil || u.Host == "" || p.Name == "" {
			errs = append(errs, fmt.Errorf(`initial_cluster: %s=%s: want a name and a URL such as "https://192.0.2.10:2380"`, p.Name, p.PeerURL))
		}
		self = self || p.Name == c.Name
	}
	if len(c.InitialCluster) > 0 && !self {
		errs = append(errs, fmt.Errorf("initial_cluster: %s, this member, is not in it", c.Name))
	}
	if c.StartupTimeout <= 0 {
		errs = append(errs, errors.New("startup_timeout: must be longer than zero"))
	}
	return errors.Join(errs...)
}

func buildMember(ctx context.Context, in resource.Input[memberConfig]) (resource.Work[memberOutputs], error) {
	c := in.Config.absolute(in.WorkDir)
	m := c.member()
	if err := m.keepInitial(filepath.Join(c.ManifestsDir, podName+".yaml")); err != nil {
		return resource.Work[memberOutputs]{}, err
	}
	manifest, err := c.manifest(m)
	if err != nil {
		return resource.Work[memberOutputs]{}, err
	}
	data, err := c.data(m).known(in.Record, filepath.Join(c.ManifestsDir, podName+".yaml"))
	if err != nil {
		return resource.Work[memberOutputs]{}, err
	}
	data.warn(ctx)
	file, err := manifest.File(in.Record)
	if err != nil {
		return resource.Work[memberOutputs]{}, err
	}
	image := manifest.Pod.Spec.Containers[0].Image
	known := memberOutputs{
		Client:  client{Endpoints: m.endpoints(), CAFile: c.Certs.CA, CertFile: c.Client.Cert, KeyFile: c.Client.Key},
		Version: versionOf(image), Healthz: m.metrics() + "/readyz", Manifest: manifest.Path, Image: image, Pod: manifest.Ref(),
	}
	return resource.Work[memberOutputs]{
		Resources: []resource.Resource{data, file},
		Known:     func() memberOutputs { return known },
		Outputs:   func(context.Context) (memberOutputs, error) { return known, nil },
	}, nil
}

// absolute makes all paths absolute.
func (c memberConfig) absolute(workDir string) memberConfig {
	if c.Healthcheck != nil {
		pair := *c.Healthcheck
		c.Healthcheck = &pair
		pair.Cert, pair.Key = hostpath.Abs(workDir, pair.Cert), hostpath.Abs(workDir, pair.Key)
	}
	for _, path := range []*string{
		&c.DataDir, &c.ManifestsDir, &c.PatchesDir, &c.Certs.CA, &c.Certs.ServerCert, &c.Certs.ServerKey,
		&c.Certs.PeerCert, &c.Certs.PeerKey, &c.Client.Cert, &c.Client.Key,
	} {
		*path = hostpath.Abs(workDir, *path)
	}
	return c
}

func (c memberConfig) member() member {
	m := member{
		Name: c.Name, Address: c.Address, Loopback: loopbackFor(c.Address),
		ClientPort: c.ClientPort, PeerPort: c.PeerPort, MetricsPort: c.MetricsPort,
		DataDir: c.DataDir, Certs: c.Certs, Extra: c.ExtraArgs,
	}
	for _, p := range c.InitialCluster {
		m.Initial = append(m.Initial, p.Name+"="+p.PeerURL)
	}
	if len(m.Initial) > 0 && c.InitialClusterState == stateExisting {
		m.InitialState = stateExisting
	}
	return m
}

func (c memberConfig) data(m member) *dataDir {
	d := &dataDir{
		Dir:    resource.Dir{Path: m.DataDir, Mode: modeDataDir, Contents: true},
		Member: m.Name, PeerURLs: m.peerURLs(), CAFile: c.Certs.CA,
	}
	if c.Healthcheck != nil {
		d.CertFile, d.KeyFile = c.Healthcheck.Cert, c.Healthcheck.Key
	}
	return d
}

// manifest describes the pod. The order of its mounts is kubeadm's.
func (c memberConfig) manifest(m member) (staticpod.Manifest, error) {
	set, err := patches.Load(c.PatchesDir)
	if err != nil {
		return staticpod.Manifest{}, err
	}
	certDir := filepath.Dir(c.Certs.CA)
	mounts := []staticpod.Mount{staticpod.Dir("etcd-data", m.DataDir), staticpod.Dir("etcd-certs", certDir)}
	for i := range mounts {
		mounts[i].ReadOnly = false
	}
	mounts = append(mounts, staticpod.Directories("etcd-certs", mounts, c.Certs.ServerCert, c.Certs.ServerKey, c.Certs.PeerCert, c.Certs.PeerKey)...)
	probes, err := m.probes(c.StartupTimeout)
	if err != nil {
		return staticpod.Manifest{}, err
	}
	return staticpod.Component{
		Name:        podName,
		Image:       cmp.Or(c.Image, component.Image(c.ImageRepository, podName, c.ImageTag)),
		PullPolicy:  corev1.PullPolicy(c.ImagePullPolicy),
		Command:     append([]string{podName}, m.args()...),
		Env:         staticpod.Environment(nil, c.ExtraEnv),
		Requests:    map[corev1.ResourceName]string{corev1.ResourceCPU: "100m", corev1.ResourceMemory: "100Mi"},
		Mounts:      mounts,
		Probes:      probes,
		Annotations: map[string]string{annotationClient: m.url(m.Address, m.ClientPort)},
		Reloads:     []string{"cert-file", "key-file", "peer-cert-file", "peer-key-file"}, // read for each connection
	}.Manifest(c.ManifestsDir, set)
}

// probes ask where the first of the metrics URLs says.
func (m member) probes(startup time.Duration) (staticpod.Probes, error) {
	u, err := url.Parse(m.metrics())
	if err != nil {
		return staticpod.Probes{}, fmt.Errorf("extra_args: listen-metrics-urls: %w", err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		return staticpod.Probes{}, fmt.Errorf("extra_args: listen-metrics-urls: %s has no port", u)
	}
	return staticpod.Probes{
		Scheme: corev1.URIScheme(strings.ToUpper(u.Scheme)), Host: u.Hostname(), Port: port,
		Live: "/livez", Ready: "/readyz", Started: "/readyz", Startup: startup,
	}, nil
}

// versionOf reads 3.6.8 from registry.k8s.io/etcd:3.6.8-0, nothing from a digest.
func versionOf(image string) string {
	image, _, _ = strings.Cut(image, "@")
	_, tag, found := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
	if !found {
		return ""
	}
	version, _, _ := strings.Cut(strings.TrimPrefix(tag, "v"), "-")
	return version
}
