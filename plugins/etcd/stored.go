package etcd

import (
	"encoding/json"
	"fmt"
	"slices"

	bolt "go.etcd.io/bbolt"
)

// storedMember is a member as etcd 3.6 stores it: JSON in the bucket members of
// its database, the key is the id in hexadecimal digits.
//
// Source: etcd server/v3, packages storage/schema and etcdserver/api/membership.
type storedMember struct {
	ID         uint64   `json:"id"`
	Name       string   `json:"name"`
	PeerURLs   []string `json:"peerURLs"`
	ClientURLs []string `json:"clientURLs"`
}

func membersIn(tx *bolt.Tx) ([]storedMember, error) {
	bucket := tx.Bucket([]byte("members"))
	if bucket == nil {
		return nil, nil
	}
	var members []storedMember
	err := bucket.ForEach(func(key, value []byte) error {
		var m storedMember
		if err := json.Unmarshal(value, &m); err != nil {
			return fmt.Errorf("member %s: %w", key, err)
		}
		members = append(members, m)
		return nil
	})
	return members, err
}

// overlap reports that two lists have an element in common.
func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(x string) bool { return slices.Contains(b, x) })
}
