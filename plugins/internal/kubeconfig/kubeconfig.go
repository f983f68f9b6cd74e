// Package kubeconfig reads and writes kubeconfig files: one cluster, one user and
// the context that joins them.
//
// It makes no client and follows no path that a file names.
package kubeconfig

import (
	"errors"
	"fmt"

	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	"sigs.k8s.io/yaml"
)

// Config is what the current context of a kubeconfig says. Certificates and keys
// are PEM, embedded in the file; those that are named by path are in the *File
// fields.
type Config struct {
	Cluster string
	Server  string // such as "https://10.0.0.1:6443"
	CA      []byte
	CAFile  string

	User           string
	ClientCert     []byte
	ClientKey      []byte
	ClientCertFile string
	ClientKeyFile  string
	Token          string
}

// Encode returns the file. The context is named USER@CLUSTER, as kubeadm names it.
func (c Config) Encode() ([]byte, error) {
	contextName := c.User + "@" + c.Cluster
	data, err := yaml.Marshal(clientcmdv1.Config{
		APIVersion: "v1", Kind: "Config", CurrentContext: contextName,
		Clusters: []clientcmdv1.NamedCluster{{Name: c.Cluster, Cluster: clientcmdv1.Cluster{
			Server: c.Server, CertificateAuthority: c.CAFile, CertificateAuthorityData: c.CA,
		}}},
		Contexts: []clientcmdv1.NamedContext{{Name: contextName, Context: clientcmdv1.Context{
			Cluster: c.Cluster, AuthInfo: c.User,
		}}},
		AuthInfos: []clientcmdv1.NamedAuthInfo{{Name: c.User, AuthInfo: clientcmdv1.AuthInfo{
			ClientCertificate: c.ClientCertFile, ClientCertificateData: c.ClientCert,
			ClientKey: c.ClientKeyFile, ClientKeyData: c.ClientKey, Token: c.Token,
		}}},
	})
	if err != nil {
		return nil, fmt.Errorf("write kubeconfig: %w", err)
	}
	return data, nil
}

// Parse reads the current context of a kubeconfig, in YAML or JSON. Other contexts
// are ignored. A file without a current context, its cluster or its user is an error.
func Parse(data []byte) (Config, error) {
	c, err := parse(data)
	if err != nil {
		return Config{}, fmt.Errorf("read kubeconfig: %w", err)
	}
	return c, nil
}

func parse(data []byte) (Config, error) {
	var file clientcmdv1.Config
	if err := yaml.Unmarshal(data, &file); err != nil {
		return Config{}, err
	}
	if file.CurrentContext == "" {
		return Config{}, errors.New("no current-context")
	}
	for _, x := range file.Contexts {
		if x.Name != file.CurrentContext {
			continue
		}
		c := Config{Cluster: x.Context.Cluster, User: x.Context.AuthInfo}
		if err := c.takeCluster(file); err != nil {
			return Config{}, err
		}
		if err := c.takeUser(file); err != nil {
			return Config{}, err
		}
		return c, nil
	}
	return Config{}, fmt.Errorf("current-context %q: no context of that name", file.CurrentContext)
}

func (c *Config) takeCluster(file clientcmdv1.Config) error {
	for _, x := range file.Clusters {
		if x.Name == c.Cluster {
			c.Server = x.Cluster.Server
			c.CA, c.CAFile = x.Cluster.CertificateAuthorityData, x.Cluster.CertificateAuthority
			return nil
		}
	}
	return fmt.Errorf("context %q: no cluster %q", file.CurrentContext, c.Cluster)
}

func (c *Config) takeUser(file clientcmdv1.Config) error {
	for _, x := range file.AuthInfos {
		if x.Name == c.User {
			u := x.AuthInfo
			c.ClientCert, c.ClientCertFile = u.ClientCertificateData, u.ClientCertificate
			c.ClientKey, c.ClientKeyFile, c.Token = u.ClientKeyData, u.ClientKey, u.Token
			return nil
		}
	}
	return fmt.Errorf("context %q: no user %q", file.CurrentContext, c.User)
}
