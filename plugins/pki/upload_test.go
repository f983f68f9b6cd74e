package pki

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi/kubeapitest"
)

const (
	secretPath      = "/api/v1/namespaces/kube-system/secrets/kubeadm-certs"
	tokenSecretPath = "/api/v1/namespaces/kube-system/secrets/bootstrap-token-"
)

func TestUpload(t *testing.T) {
	fake, dir := kubeapitest.NewFake(t), sharedDir(t)
	phase := newUploadPhase(t, fake, dir, nil)
	plan := phase.Want(t, "create: absent", "create: absent", "create: absent")
	phase.Private = nil
	if again := phase.Want(t, "create: absent", "create: absent", "create: absent"); again.Fingerprint() != plan.Fingerprint() {
		t.Error("two first plans differ")
	}
	out := phase.Apply(t)
	secret := liveSecret(t, fake, secretPath)
	wantUploaded(t, secret, out["key"].AsString(), dir)
	if owners := secret.OwnerReferences; len(owners) != 1 || owners[0].Kind != "Secret" || owners[0].APIVersion != "v1" ||
		!*owners[0].Controller || !*owners[0].BlockOwnerDeletion || owners[0].UID == "" {
		t.Errorf("owners: got %+v, want the token as controller", owners)
	}
	token := liveSecret(t, fake, tokenSecretPath+ownerID(secret))
	if token.Type != "bootstrap.kubernetes.io/token" || string(token.Data["expiration"]) != out["expires"].AsString() || len(token.Data) != 4 {
		t.Errorf("token: got type %s, %d fields, want id, secret, description, expiration and no usage", token.Type, len(token.Data))
	}
	for _, leak := range []string{out["key"].AsString(), get(t, filepath.Join(dir, "ca.key")), string(token.Data["token-secret"])} {
		if strings.Contains(string(phase.Private), leak) {
			t.Error("the record holds a secret")
		}
	}
	if again := phase.Apply(t); again["key"] != out["key"] {
		t.Error("another apply has another key")
	}
	phase.Private = nil // the state is lost
	if again := phase.Apply(t); again["key"] != out["key"] {
		t.Error("an apply without a record has another key")
	}
}

// An upload that is over is made afresh, with another key and the same token id.
func TestUploadAfresh(t *testing.T) {
	tests := map[string]struct {
		end  func(t *testing.T, fake *kubeapitest.Fake, id string)
		want []string
	}{
		"expired": {func(t *testing.T, fake *kubeapitest.Fake, id string) {
			t.Helper()
			setField(t, fake, tokenSecretPath+id, "expiration", "2020-01-02T03:04:05Z")
		}, []string{"create: expired at 2020-01-02T03:04:05Z"}},
		"unreadable": {func(t *testing.T, fake *kubeapitest.Fake, id string) {
			t.Helper()
			setField(t, fake, tokenSecretPath+id, "expiration", "soon")
		}, []string{"create: expired at soon"}},
		"token cleaned": {func(_ *testing.T, fake *kubeapitest.Fake, id string) {
			fake.Delete(tokenSecretPath + id)
		}, []string{"create: token ID, which owned it, is gone"}},
		"collected": {func(_ *testing.T, fake *kubeapitest.Fake, id string) {
			fake.Delete(tokenSecretPath + id)
			fake.Delete(secretPath)
		}, []string{"create: absent"}},
		"damaged": {func(t *testing.T, fake *kubeapitest.Fake, _ string) {
			t.Helper()
			setField(t, fake, secretPath, "sa.key", "short")
		}, []string{"update: sa.key: it was encrypted with another certificate key, or is damaged"}},
		"lost entry": {func(t *testing.T, fake *kubeapitest.Fake, _ string) {
			t.Helper()
			setField(t, fake, secretPath, "etcd-ca.crt", "")
		}, []string{"update: etcd-ca.crt differs from DIR/etcd/ca.crt"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			fake, dir := kubeapitest.NewFake(t), sharedDir(t)
			phase := newUploadPhase(t, fake, dir, nil)
			first := phase.Apply(t)
			id := ownerID(liveSecret(t, fake, secretPath))
			tt.end(t, fake, id)
			for i := range tt.want {
				tt.want[i] = strings.NewReplacer("ID", id, "DIR", dir).Replace(tt.want[i])
			}
			phase.Want(t, tt.want...)
			again := phase.Apply(t)
			if again["key"] == first["key"] {
				t.Error("the former key still fits")
			}
			wantUploaded(t, liveSecret(t, fake, secretPath), again["key"].AsString(), dir)
			phase.Undo(t)
			if fake.Object(secretPath) != nil || fake.Object(tokenSecretPath+id) != nil {
				t.Error("undo left something")
			}
		})
	}
}

// What changes on disk is uploaded again.
func TestUploadFollowsFiles(t *testing.T) {
	fake, dir := kubeapitest.NewFake(t), sharedDir(t)
	phase := newUploadPhase(t, fake, dir, map[string]cty.Value{"key": cty.StringVal(kubeadmKey)})
	if got := phase.Apply(t)["key"].AsString(); got != kubeadmKey {
		t.Error("the given key was not taken")
	}
	put(t, filepath.Join(dir, "sa.key"), mustEncode(t, newTestKey(t)), 0o600)
	phase.Want(t, "update: sa.key differs from "+filepath.Join(dir, "sa.key"))
	phase.Apply(t)
	wantUploaded(t, liveSecret(t, fake, secretPath), kubeadmKey, dir)
	if err := os.Remove(filepath.Join(dir, "sa.pub")); err != nil {
		t.Fatal(err)
	}
	phase.Want(t, "update: "+filepath.Join(dir, "sa.pub")+" is yet to be made")
	if result := phase.Try(t); len(result.Diagnostics) == 0 || !strings.Contains(result.Diagnostics[0].Summary, "file does not exist: "+filepath.Join(dir, "sa.pub")) {
		t.Errorf("without sa.pub: got %+v", result.Diagnostics)
	}
	if fake.Object(secretPath) == nil {
		t.Error("the former upload is gone though there is nothing to put in its place")
	}
}

// What kubeadm has uploaded is taken over if the key is given, and replaced if not.
func TestUploadOverKubeadms(t *testing.T) {
	fake, dir := kubeapitest.NewFake(t), sharedDir(t)
	fake.Put(t, secretPath, "kubeadm", kubeadmUpload(t))
	phase := newUploadPhase(t, fake, dir, nil)
	phase.Want(t, "update: somebody else has uploaded it, with a key that is not known here", "create: absent", "create: absent")
	key := phase.Apply(t)["key"].AsString()
	wantUploaded(t, liveSecret(t, fake, secretPath), key, dir)

	fake.Delete(secretPath)
	fake.Put(t, secretPath, "kubeadm", kubeadmUpload(t))
	theirs := t.TempDir()
	newDownloadPhase(t, fake, theirs, nil).Apply(t)
	phase = newUploadPhase(t, fake, theirs, map[string]cty.Value{"key": cty.StringVal(kubeadmKey)})
	phase.Want(t)
}

func TestUploadOfExternalEtcd(t *testing.T) {
	fake, dir := kubeapitest.NewFake(t), sharedDir(t)
	etcd := map[string]cty.Value{
		"endpoints": cty.StringVal("passed over"), "ca_file": cty.StringVal(filepath.Join(dir, "etcd", "ca.crt")),
		"cert_file": cty.StringVal(filepath.Join(dir, "ca.crt")), "key_file": cty.StringVal(filepath.Join(dir, "ca.key")),
	}
	phase := newUploadPhase(t, fake, dir, map[string]cty.Value{"external_etcd": cty.ObjectVal(etcd)})
	key, err := parseCertificateKey(phase.Apply(t)["key"].AsString())
	if err != nil {
		t.Fatal(err)
	}
	data := liveSecret(t, fake, secretPath).Data
	for entry, file := range map[string]string{"external-etcd-ca.crt": "etcd/ca.crt", "external-etcd.crt": "ca.crt", "external-etcd.key": "ca.key"} {
		if plain, err := key.open(data[entry]); err != nil || string(plain) != get(t, filepath.Join(dir, file)) {
			t.Errorf("%s: %v, want %s", entry, err, file)
		}
	}
	if _, ok := data["etcd-ca.crt"]; ok || len(data) != 9 {
		t.Errorf("got %d entries, want 9 and no authority of etcd", len(data))
	}
	phase = newUploadPhase(t, fake, dir, map[string]cty.Value{"external_etcd": cty.EmptyObjectVal}) // without TLS
	phase.Apply(t)
	if got := liveSecret(t, fake, secretPath).Data["external-etcd.key"]; len(got) != 0 {
		t.Errorf("external-etcd.key: got %d bytes, want none", len(got))
	}
}
