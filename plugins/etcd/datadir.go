package etcd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/clusterflow/clusterflow/plugins/etcd/internal/etcdapi"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

const (
	dataDirKind = "etcd-data"
	// stopWithin is how long Remove waits for etcd to end: 1 min. The kubelet gives
	// its pod 30 s.
	stopWithin = time.Minute
	// lockTimeout is how long one look at the database waits for etcd's lock.
	lockTimeout = 100 * time.Millisecond
)

// dataDir is the data directory of a member. Unlike any other directory it is
// never removed while etcd uses it, nor while other members count on it.
type dataDir struct {
	resource.Dir
	// Member and PeerURLs tell which member this is.
	Member   string   `json:"member"`
	PeerURLs []string `json:"peer_urls"`
	// With these files the other members are asked. They may be empty.
	CAFile   string `json:"ca_file,omitempty"`
	CertFile string `json:"cert_file,omitempty"`
	KeyFile  string `json:"key_file,omitempty"`

	recorded bool
	// foreign says that there is data of somebody else: no manifest names the
	// directory, and no record says that it was empty before.
	foreign bool
}

var (
	_ resource.Resource = (*dataDir)(nil)
	_ resource.Keeper   = (*dataDir)(nil)
)

func (d *dataDir) ID() resource.ID { return resource.ID{Kind: dataDirKind, Target: d.Path} }

// known takes over what the record tells besides the config, and finds out whose
// the data is. manifest is the path of the member's.
func (d *dataDir) known(r resource.Record, manifest string) (*dataDir, error) {
	entry, ok := r.Find(d.ID())
	if !ok {
		d.foreign = !d.empty() && !names(manifest, d.Path)
		return d, nil
	}
	var old dataDir
	if err := json.Unmarshal(entry.State, &old); err != nil {
		return nil, fmt.Errorf("read record of %s: %w", d.Path, err)
	}
	d.recorded, d.Dirs = true, old.Dirs
	return d, nil
}

// warn tells of data that undo leaves alone.
func (d *dataDir) warn(ctx context.Context) {
	if d.foreign {
		resource.Warn(ctx, fmt.Sprintf("%s has data, and nothing tells that it is of this member: undo leaves it alone", d.Path),
			"It may be of another etcd. If nobody needs it: rm -r "+filepath.Join(d.Path, "member")+"; with reset.hcl: --var destroy_etcd_data=NODE.")
	}
}

// Kept says that undo leaves the data of others alone.
func (d *dataDir) Kept() bool { return d.foreign }

// Diff compares the directory. An empty one that was there before, such as a disk
// of its own, is taken over as if it were made: the data in it will be ours.
func (d *dataDir) Diff(ctx context.Context) (sdk.Change, error) {
	change, err := d.Dir.Diff(ctx)
	if err == nil && change.Op != sdk.OpCreate && !d.recorded && len(d.Dirs) == 0 && d.empty() {
		return sdk.Change{Op: sdk.OpCreate, Reason: "empty so far"}, nil
	}
	return change, err
}

// empty reports that the directory holds no data of etcd.
func (d *dataDir) empty() bool {
	_, err := os.Lstat(filepath.Join(d.Path, "member"))
	return errors.Is(err, fs.ErrNotExist)
}

// Remove waits until etcd has ended, then deletes the directory if this is the
// only member, or if it has left the cluster.
func (d *dataDir) Remove(ctx context.Context) error {
	members, err := d.ended(ctx, stopWithin)
	if err != nil {
		return err
	}
	if err := d.mayGo(ctx, members); err != nil {
		return err
	}
	return d.removeData(ctx)
}

// ended waits until no etcd uses the data, and reads who is in the cluster.
func (d *dataDir) ended(ctx context.Context, within time.Duration) ([]storedMember, error) {
	var members []storedMember
	err := resource.WaitFor(ctx, resource.Probe{
		Name: "the end of etcd", Timeout: within,
		Check: func(context.Context) (err error) {
			members, err = readMembers(filepath.Join(d.Path, "member", "snap", "db"))
			return err
		},
		Hint: "The kubelet stops the pod when its manifest is gone. Does the kubelet run? Else stop etcd yourself, then repeat.",
	})
	return members, err
}

// removeData deletes what etcd made, then the directory, if it was made for it and
// nothing else is in it.
func (d *dataDir) removeData(ctx context.Context) error {
	member := resource.Dir{Path: filepath.Join(d.Path, "member"), Contents: true}
	if err := member.Remove(ctx); err != nil || len(d.Dirs) == 0 {
		return err
	}
	d.Contents, d.Keep = false, true
	return d.Dir.Remove(ctx)
}

// mayGo reports why the data must stay.
func (d *dataDir) mayGo(ctx context.Context, members []storedMember) error {
	self := slices.IndexFunc(members, func(m storedMember) bool { return m.Name == d.Member || overlap(m.PeerURLs, d.PeerURLs) })
	if len(members) <= 1 || self < 0 {
		return nil // nothing stored, nobody else, or not a member any more
	}
	var others []string
	for i, m := range members {
		if i == self {
			continue
		}
		if needed, err := d.needed(ctx, m, members[self].ID); err == nil && !needed {
			return nil
		}
		others = append(others, m.Name)
	}
	return sdk.Hint(fmt.Errorf("kept: it is part of the cluster with %s", strings.Join(others, ", ")),
		fmt.Sprintf("Let this member leave first, with a phase etcd.leave. If the cluster is lost or the member was removed already: rm -r %s", d.Path))
}

// needed asks another member whether it counts on the data of one: not if that one
// has left, or is a learner, which has copies alone.
func (d *dataDir) needed(ctx context.Context, other storedMember, id uint64) (bool, error) {
	as := asker{CAFile: d.CAFile, CertFile: d.CertFile, KeyFile: d.KeyFile}
	err := errors.New("no client URL")
	for _, endpoint := range other.ClientURLs {
		var list etcdapi.MemberListResponse
		if err = as.ask(ctx, endpoint, memberList(&list)); err == nil {
			return slices.ContainsFunc(list.Members, func(m *etcdapi.Member) bool { return m.ID == id && !m.IsLearner }), nil
		}
	}
	return false, err
}

// readMembers reads who is in the cluster from the database of a member that does
// not run. None are in a database that is absent. The error says that etcd runs,
// or is permanent.
func readMembers(path string) ([]storedMember, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	db, err := bolt.Open(path, 0, &bolt.Options{ReadOnly: true, Timeout: lockTimeout})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fmt.Errorf("etcd still uses %s", path)
	case err != nil:
		return nil, sdk.Permanent(sdk.Hint(fmt.Errorf("read who is in the cluster from %s: %w", path, err),
			"So it is not known whether others count on this data. If you know that nobody does, delete the directory yourself."))
	}
	var members []storedMember
	err = db.View(func(tx *bolt.Tx) error {
		members, err = membersIn(tx)
		return err
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return nil, sdk.Permanent(fmt.Errorf("read who is in the cluster from %s: %w", path, err))
	}
	return members, nil
}
