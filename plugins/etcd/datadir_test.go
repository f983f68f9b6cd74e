package etcd

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/sdk"
)

// storeMembers writes a database as etcd does that knows these members. The id of
// a member is that of its place.
func storeMembers(t *testing.T, dir string, names ...string) (path string) {
	t.Helper()
	snap := filepath.Join(dir, "lib/data/member/snap")
	if err := os.MkdirAll(snap, 0o700); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(snap, "db")
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		bucket, err := tx.CreateBucket([]byte("members"))
		if err != nil {
			return err
		}
		for i, entry := range names {
			name, url, _ := strings.Cut(entry, "=")
			text, err := json.Marshal(map[string]any{
				"id": i + 1, "name": name, "peerURLs": []string{"https://" + name + ":2380"}, "clientURLs": []string{url},
			})
			if err != nil {
				return err
			}
			if err := bucket.Put([]byte(strconv.Itoa(i+1)), text); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestMemberUndoKeepsData deletes data only where that loses nothing.
func TestMemberUndoKeepsData(t *testing.T) {
	const silent = "https://127.0.0.1:1"
	tests := map[string]struct {
		stored  []string // members that the data tells of; ASK is one that answers
		answers []*pb.Member
		keeps   bool
	}{
		"no data yet":          {},
		"alone":                {stored: []string{"n1=" + silent}},
		"knows that it left":   {stored: []string{"n2=" + silent, "n3=" + silent}},
		"nobody answers":       {stored: []string{"n1=" + silent, "n2=" + silent}, keeps: true},
		"still a member":       {stored: []string{"n1=" + silent, "n2=ASK"}, answers: []*pb.Member{{ID: 1}, {ID: 2}}, keeps: true},
		"does not know yet":    {stored: []string{"n1=" + silent, "n2=" + silent, "n3=ASK"}, answers: []*pb.Member{{ID: 3}}},
		"has been a learner":   {stored: []string{"n1=" + silent, "n2=ASK"}, answers: []*pb.Member{{ID: 1, IsLearner: true}, {ID: 2}}},
		"alone at new address": {stored: []string{"n9=" + silent}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			writeCerts(t, dir)
			phase := phasetest.New(t, Spec(), "member", memberValues(dir))
			phase.Apply(t)
			url := serveFake(t, dir, &fake{cluster: newFakeCluster(tt.answers...)})
			for i, entry := range tt.stored {
				tt.stored[i] = strings.Replace(entry, "ASK", url, 1)
			}
			if tt.stored != nil {
				storeMembers(t, dir, tt.stored...)
			}
			result, err := sdk.Direct(Spec()).Undo(t.Context(), sdk.UndoRequest{Type: "member", Private: phase.Private}, func(sdk.Event) {})
			if err != nil {
				t.Fatal(err)
			}
			if got := result.Status == sdk.StatusFailed; got != tt.keeps {
				t.Errorf("got %s, %v", result.Status, result.Diagnostics)
			}
			if _, err := os.Stat(filepath.Join(dir, "lib/data")); (err == nil) != tt.keeps {
				t.Errorf("data: got %v, want kept: %v", err, tt.keeps)
			}
			if tt.keeps && !strings.Contains(result.Diagnostics[0].Summary, "kept: it is part of the cluster with n2") {
				t.Errorf("got %q", result.Diagnostics[0].Summary)
			}
		})
	}
}

// TestMemberUndoWaits deletes nothing that etcd uses.
func TestMemberUndoWaits(t *testing.T) {
	dir := t.TempDir()
	path := storeMembers(t, dir, "n1=https://127.0.0.1:1")
	running, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	d := (&memberConfig{Name: "n1", DataDir: filepath.Join(dir, "lib/data")}).data(member{Name: "n1", DataDir: filepath.Join(dir, "lib/data")})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := d.Remove(ctx); err == nil || !strings.Contains(err.Error(), "etcd still uses") {
		t.Errorf("while it runs: got %v", err)
	}
	if err := running.Close(); err != nil {
		t.Fatal(err)
	}
	if err := d.Remove(t.Context()); err != nil {
		t.Errorf("after its end: got %v", err)
	}
}

// serveFake runs a fake etcd with the certificates in dir and returns its URL.
func serveFake(t *testing.T, dir string, f *fake) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	pki := filepath.Join(dir, "pki")
	server, err := f.serve(listener, pki+"/ca.crt", pki+"/server.crt", pki+"/server.key")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return "https://" + listener.Addr().String()
}
