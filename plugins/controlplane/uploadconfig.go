package controlplane

import (
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/clusterflow/clusterflow/plugins/internal/component"
	"github.com/clusterflow/clusterflow/plugins/internal/subnet"
)

// defaultEtcdDir is where kubeadm keeps the data of a local etcd.
const defaultEtcdDir = "/var/lib/etcd"

type etcdConfig struct {
	DataDir         string           `cf:"data_dir"`
	ImageRepository string           `cf:"image_repository"`
	ImageTag        string           `cf:"image_tag"`
	ExtraArgs       []component.Flag `cf:"extra_args"`
	ExtraEnvs       []component.Flag `cf:"extra_envs"`
	ServerCertSANs  []string         `cf:"server_cert_sans"`
	PeerCertSANs    []string         `cf:"peer_cert_sans"`
	External        *externalConfig  `cf:"external"`
}

type externalConfig struct {
	Endpoints     []string `cf:"endpoints,required"`
	HTTPEndpoints []string `cf:"http_endpoints"`
	CAFile        string   `cf:"ca_file"`
	CertFile      string   `cf:"cert_file"`
	KeyFile       string   `cf:"key_file"`
}

type extraConfig struct {
	ExtraArgs    []component.Flag `cf:"extra_args"`
	ExtraVolumes []volumeConfig   `cf:"extra_volumes"`
	ExtraEnvs    []component.Flag `cf:"extra_envs"`
}

type apiServerConfig struct {
	CertSANs     []string         `cf:"cert_sans"`
	ExtraArgs    []component.Flag `cf:"extra_args"`
	ExtraVolumes []volumeConfig   `cf:"extra_volumes"`
	ExtraEnvs    []component.Flag `cf:"extra_envs"`
}

type volumeConfig struct {
	Name      string `cf:"name,required"`
	HostPath  string `cf:"host_path,required"`
	MountPath string `cf:"mount_path,required"`
	ReadOnly  bool   `cf:"read_only"`
	PathType  string `cf:"path_type"`
}

type dnsConfig struct {
	ImageRepository string `cf:"image_repository"`
	ImageTag        string `cf:"image_tag"`
	Disabled        bool   `cf:"disabled"`
}

type proxyConfig struct {
	Disabled bool `cf:"disabled"`
}

func (c *etcdConfig) section() etcdSection {
	switch {
	case c == nil:
		return etcdSection{Local: &localEtcd{DataDir: defaultEtcdDir}}
	case c.External != nil:
		e := externalEtcd{
			Endpoints: c.External.Endpoints, HTTPEndpoints: c.External.HTTPEndpoints,
			CAFile: c.External.CAFile, CertFile: c.External.CertFile, KeyFile: c.External.KeyFile,
		}
		if len(e.HTTPEndpoints) == 0 {
			e.HTTPEndpoints = e.Endpoints
		}
		return etcdSection{External: &e}
	}
	local := &localEtcd{
		ImageRepository: c.ImageRepository, ImageTag: c.ImageTag, DataDir: c.DataDir,
		ExtraArgs: convert[pair](c.ExtraArgs), ExtraEnvs: convert[env](c.ExtraEnvs),
		ServerCertSANs: c.ServerCertSANs, PeerCertSANs: c.PeerCertSANs,
	}
	if local.DataDir == "" {
		local.DataDir = defaultEtcdDir
	}
	return etcdSection{Local: local}
}

func (c *extraConfig) section() componentSection {
	if c == nil {
		return componentSection{}
	}
	s := componentSection{ExtraArgs: convert[pair](c.ExtraArgs), ExtraEnvs: convert[env](c.ExtraEnvs)}
	for _, v := range c.ExtraVolumes {
		s.ExtraVolumes = append(s.ExtraVolumes, volume(v))
	}
	return s
}

func (c *apiServerConfig) section() componentSection {
	if c == nil {
		return componentSection{}
	}
	return (&extraConfig{ExtraArgs: c.ExtraArgs, ExtraVolumes: c.ExtraVolumes, ExtraEnvs: c.ExtraEnvs}).section()
}

func (c *apiServerConfig) sans() []string {
	if c == nil {
		return nil
	}
	return c.CertSANs
}

// convert turns names and values into arguments or variables.
func convert[T pair | env](flags []component.Flag) []T {
	var out []T
	for _, f := range flags {
		out = append(out, T(f))
	}
	return out
}

// versionRule is a release, a pre-release or a build: v1.36.3, v1.37.0-rc.1, v1.36.3+build.
const versionRule = `^v\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?$`

func validateUpload(c uploadConfig) error {
	if !regexp.MustCompile(versionRule).MatchString(c.KubernetesVersion) {
		return attrError("kubernetes_version", "%q is not a version such as v1.36.3", c.KubernetesVersion)
	}
	if _, err := subnet.Address(c.ServiceSubnet, subnet.DNSIndex); err != nil {
		return attrError("service_subnet", "%w", err)
	}
	if _, err := subnet.Parse(c.PodSubnet); c.PodSubnet != "" && err != nil {
		return attrError("pod_subnet", "%w", err)
	}
	if problems := validation.IsDNS1123Subdomain(c.DNSDomain); len(problems) > 0 {
		return attrError("dns_domain", "%q is not a DNS domain such as cluster.local", c.DNSDomain)
	}
	if !filepath.IsAbs(c.CertDir) {
		return attrError("cert_dir", "%q is not an absolute path: it counts on every control-plane node", c.CertDir)
	}
	if c.CertificateValidity <= 0 {
		return attrError("certificate_validity", "must be longer than zero")
	}
	if c.CAValidity <= 0 {
		return attrError("ca_certificate_validity", "must be longer than zero")
	}
	if err := c.Etcd.validate(); err != nil {
		return err
	}
	_, _, err := c.kubeletConfiguration()
	return err
}

func (c *etcdConfig) validate() error {
	switch {
	case c == nil:
		return nil
	case c.DataDir != "" && !filepath.IsAbs(c.DataDir):
		return attrError("etcd", "data_dir %q is not an absolute path", c.DataDir)
	case c.External == nil:
		return nil
	case c.DataDir != "":
		return attrError("etcd", "set only one of data_dir and external")
	case len(c.External.Endpoints) == 0:
		return attrError("etcd", "external has no endpoints")
	}
	return c.External.validate()
}

func (e *externalConfig) validate() error {
	files := []string{e.CAFile, e.CertFile, e.KeyFile}
	withTLS := slices.ContainsFunc(files, func(f string) bool { return f != "" })
	for _, endpoint := range e.Endpoints {
		u, err := url.Parse(endpoint)
		if err != nil || u.Host == "" || (u.Scheme != "https" && (u.Scheme != "http" || withTLS)) {
			return attrError("etcd", "endpoint %q is not a URL such as https://10.0.0.1:2379", endpoint)
		}
	}
	switch {
	case (e.CertFile == "") != (e.KeyFile == ""):
		return attrError("etcd", "cert_file and key_file of external belong together")
	case e.CertFile != "" && e.CAFile == "":
		return attrError("etcd", "cert_file of external needs ca_file")
	case slices.ContainsFunc(files, func(f string) bool { return f != "" && !filepath.IsAbs(f) }):
		return attrError("etcd", "the files of external must be absolute paths: %s", strings.Join(files, " "))
	}
	return nil
}
