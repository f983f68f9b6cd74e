package pki

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeobj"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// source is where the files of one phase come from. A phase works on its files one
// after the other, and reads the Secret once for all of them.
type source struct {
	maker kubeobj.Maker
	key   certificateKey
	data  map[string][]byte // as uploaded; nil before the first read
	err   error             // of the last read, so that a comparison need not wait eight times
}

// errNoUpload says that there is nothing to fetch.
var errNoUpload = sdk.Hint(fmt.Errorf("there is no Secret %s/%s: it was never uploaded, or has expired", systemNamespace, sharedSecret),
	"Upload it again on a control-plane node, and use the key that this gives: clusterflow apply token --var upload_certs=true, "+
		"or kubeadm init phase upload-certs --upload-certs. It is kept for two hours.")

// read reads the Secret, unless that was done.
func (s *source) read(ctx context.Context) error {
	if s.data != nil || s.err != nil {
		return s.err
	}
	secret, err := readSecret(ctx, s.maker.Object(&corev1.Secret{ObjectMeta: inSystem(sharedSecret)}))
	switch {
	case apierrors.IsNotFound(err):
		s.err = errNoUpload
	case apierrors.IsForbidden(err):
		s.err = sdk.Hint(err, "A bootstrap token may read it only after an upload on a control-plane node (clusterflow apply token --var upload_certs=true, or kubeadm init phase upload-certs --upload-certs), and only as long as the token is valid.")
	case err != nil:
		s.err = err
	case secret.Data == nil:
		s.data = map[string][]byte{}
	default:
		s.data = secret.Data
	}
	return s.err
}

// plain returns what was uploaded of a file. Empty means that the uploader had
// no such file.
func (s *source) plain(ctx context.Context, f sharedFile) ([]byte, error) {
	if err := s.read(ctx); err != nil {
		return nil, err
	}
	sealed, ok := s.data[f.entry]
	if !ok {
		return nil, sdk.Permanent(sdk.Hint(fmt.Errorf("the Secret %s has no entry %s", sharedSecret, f.entry), f.otherEtcd()))
	}
	if len(sealed) == 0 {
		return nil, nil
	}
	plain, err := s.key.open(sealed)
	if err != nil {
		return nil, sdk.Permanent(sdk.Hint(fmt.Errorf("decrypt %s: %w", f.entry, err),
			"Use the key of the last upload. If it is lost, a control-plane node tells a right one: clusterflow apply token --var upload_certs=true."))
	}
	return plain, f.check(plain)
}

// otherEtcd is the advice for a Secret without the entry.
func (f sharedFile) otherEtcd() string {
	switch {
	case strings.HasPrefix(f.entry, "external-etcd"):
		return "The cluster was made with an etcd of its own: leave external_etcd out."
	case strings.HasPrefix(f.entry, "etcd-"):
		return "The cluster was made with an external etcd: set external_etcd to where its files go."
	default:
		return "It was not made by kubeadm or clusterflow: upload the certificates again."
	}
}

// downloaded is the resource: a file with what was uploaded of it. Its record is
// that of a file.
type downloaded struct {
	resource.File
	shared sharedFile
	from   *source
}

var _ resource.Resource = (*downloaded)(nil)

func newDownloaded(f sharedFile, from *source) *downloaded {
	mode := os.FileMode(modeCert)
	if f.isKey() {
		mode = modeKey
	}
	return &downloaded{File: resource.File{Path: f.path, Mode: mode, Secret: true, DirMode: modeDir}, shared: f, from: from}
}

// Diff compares an existing file with the uploaded one. When that cannot be read
// any more, what exists is taken to be the same.
func (d *downloaded) Diff(ctx context.Context) (sdk.Change, error) {
	have, found, err := readFile(d.Path)
	if err != nil {
		return sdk.Change{}, err
	}
	want, err := d.want(ctx)
	switch {
	case unavailable(err) && !found && !d.leftOut():
		return d.File.Diff(ctx) // which is that it is absent
	case unavailable(err), err == nil && want == nil:
		return d.diffMode(found)
	case err != nil:
		return sdk.Change{}, err
	case !found:
		d.Content = want
		return d.File.Diff(ctx)
	}
	if err := d.compare(have, want); err != nil {
		return sdk.Change{}, err
	}
	return d.diffMode(found)
}

// want is the content of the file; nil means that it need not exist.
func (d *downloaded) want(ctx context.Context) ([]byte, error) {
	plain, err := d.from.plain(ctx, d.shared)
	if err == nil && plain == nil && !d.shared.spare {
		return nil, sdk.Permanent(sdk.Hint(fmt.Errorf("the entry %s of Secret %s is empty", d.shared.entry, sharedSecret),
			"Whoever uploaded it did not have the file: upload again from a node that has it."))
	}
	return plain, err
}

// compare refuses what is of another cluster, or of another time.
func (d *downloaded) compare(have, want []byte) error {
	if bytes.Equal(have, want) {
		return nil
	}
	return sdk.Permanent(sdk.Hint(fmt.Errorf("it is not the one that the cluster shares as %s", d.shared.entry),
		"Is it of another cluster and still needed? Move it away to have the shared one put there."))
}

// diffMode is for files that have, or do without, the right content.
func (d *downloaded) diffMode(found bool) (sdk.Change, error) {
	if !found || !d.shared.isKey() {
		return sdk.Change{}, nil
	}
	return diffMode(d.Path)
}

// leftOut reports that the key of etcd's authority was left out on purpose: its
// certificate, which comes before it, is there.
func (d *downloaded) leftOut() bool {
	if !d.shared.spare {
		return false
	}
	_, err := os.Stat(strings.TrimSuffix(d.Path, ".key") + ".crt")
	return err == nil
}

// unavailable reports that there is nothing to compare with: no upload, or
// nobody to ask. An earlier phase may change that, or the time to join is over.
func unavailable(err error) bool {
	return errors.Is(err, errNoUpload) || errors.Is(err, kubeapi.ErrNoKubeconfig) || errors.Is(err, kubeapi.ErrUnreachable) || refused(err)
}

// refused reports that the user of the kubeconfig is not allowed to read the
// Secret, or not any more.
func refused(err error) bool { return apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) }

// Render writes the file unless it exists.
func (d *downloaded) Render(ctx context.Context) error {
	want, err := d.await(ctx)
	if err != nil {
		return err
	}
	have, found, err := readFile(d.Path)
	switch {
	case err != nil:
		return err
	case want == nil:
		return nil
	case !found:
		d.Content = want
		return d.File.Render(ctx)
	}
	if err := d.compare(have, want); err != nil || !d.shared.isKey() {
		return err
	}
	return conceal(d.Path)
}

// await asks for the content until there is a clear answer.
func (d *downloaded) await(ctx context.Context) (want []byte, err error) {
	err = kubeapi.Retry(ctx, kubeapi.CallTimeout, func(ctx context.Context) (err error) {
		d.from.err = nil // ask again
		want, err = d.want(ctx)
		if errors.Is(err, kubeapi.ErrUnreachable) || (kubeapi.Answered(err) && !refused(err)) {
			return err
		}
		return kubeapi.Stop(err)
	})
	return want, err
}
