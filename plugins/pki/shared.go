package pki

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/zclconf/go-cty/cty"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
)

// Where kubeadm keeps what control-plane nodes share.
const (
	systemNamespace = "kube-system"
	sharedSecret    = "kubeadm-certs"
)

// externalEtcd is what an API server shows to an etcd that others run. Such a
// cluster shares these files in place of the authority of etcd.
type externalEtcd struct {
	CAFile   string `cf:"ca_file"`
	CertFile string `cf:"cert_file"`
	KeyFile  string `cf:"key_file"`
}

// sharedFile is one of the files that all control-plane nodes have.
type sharedFile struct {
	entry string // its key in the Secret
	path  string
	// spare files need not exist: the key of etcd's authority may be kept elsewhere.
	spare bool
}

// sharedFiles lists what control-plane nodes share, as kubeadm does. An external
// etcd without TLS has files without paths.
func sharedFiles(workDir, dir string, etcd *externalEtcd) []sharedFile {
	dir = hostpath.Abs(workDir, dir)
	files := make([]sharedFile, 0, 9)
	for _, name := range []string{"ca.crt", "ca.key", "front-proxy-ca.crt", "front-proxy-ca.key", "sa.pub", "sa.key"} {
		files = append(files, sharedFile{entry: name, path: filepath.Join(dir, name)})
	}
	if etcd == nil {
		return append(files,
			sharedFile{entry: "etcd-ca.crt", path: filepath.Join(dir, "etcd", "ca.crt")},
			sharedFile{entry: "etcd-ca.key", path: filepath.Join(dir, "etcd", "ca.key"), spare: true})
	}
	for _, f := range [][2]string{{"external-etcd-ca.crt", etcd.CAFile}, {"external-etcd.crt", etcd.CertFile}, {"external-etcd.key", etcd.KeyFile}} {
		files = append(files, sharedFile{entry: f[0], path: hostpath.Abs(workDir, f[1]), spare: f[1] == ""})
	}
	return files
}

func (e *externalEtcd) validate() error {
	if e == nil {
		return nil
	}
	switch {
	case (e.CertFile == "") != (e.KeyFile == ""):
		return attrError("external_etcd", "cert_file and key_file belong together")
	case e.CertFile != "" && e.CAFile == "":
		return attrError("external_etcd", "cert_file needs ca_file")
	}
	return nil
}

// isKey tells files with private keys from certificates and public keys.
func (f sharedFile) isKey() bool { return strings.HasSuffix(f.entry, ".key") }

// check refuses what is not what the file is for. Errors never quote data.
func (f sharedFile) check(data []byte) error {
	var err error
	switch filepath.Ext(f.entry) {
	case ".key":
		_, err = parseKey(data)
	case ".crt":
		_, err = parseCertificates(data)
	default:
		err = checkPublicKey(data)
	}
	if err != nil {
		return fmt.Errorf("read entry %s of Secret %s: %w", f.entry, sharedSecret, err)
	}
	return nil
}

// attrError is an error of one config attribute.
func attrError(name, format string, args ...any) error {
	return cty.GetAttrPath(name).NewError(fmt.Errorf(format, args...))
}

// validKey checks a configured certificate key.
func validKey(text string) error {
	if text == "" {
		return nil
	}
	_, err := parseCertificateKey(text)
	if err != nil {
		return cty.GetAttrPath("key").NewError(err)
	}
	return nil
}

// toSecret reads a Secret that the API server sent.
func toSecret(live *unstructured.Unstructured) (*corev1.Secret, error) {
	var secret corev1.Secret
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(live.Object, &secret); err != nil {
		return nil, errors.New("the API server sent what is not a Secret") // the cause could quote it
	}
	return &secret, nil
}

// inSystem is the metadata of an object in kube-system.
func inSystem(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: systemNamespace, Name: name}
}
