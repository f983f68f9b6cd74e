// Package planfile keeps a plan between `clusterflow plan --out` and `clusterflow
// apply`, so that what is applied is what was looked at, or nothing.
//
// A [File] holds no config and no change: it names what the plan was made of
// (sources, variables, plugins, the record of earlier runs) and holds a digest of
// what each phase would do. Apply plans anew and compares, see [File.Differences].
// It is sealed with the key of the state that it was made for, so a file that was
// edited, or made elsewhere, is refused.
//
// Values of sensitive variables are not in it; they must be given again.
package planfile

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/clusterflow/clusterflow/engine/plan"
	"github.com/clusterflow/clusterflow/engine/selection"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// Extension is what the names of plan files end in.
const Extension = ".cfplan"

const (
	format  = "clusterflow plan"
	version = 1
)

// File is what is kept of a plan.
type File struct {
	Made   time.Time `json:"made"`
	Engine string    `json:"engine"` // version of clusterflow
	// Pipeline is the path as it was given, relative to WorkDir. A built-in one is
	// inside of the binary.
	Pipeline string `json:"pipeline"`
	BuiltIn  bool   `json:"built_in,omitempty"`
	WorkDir  string `json:"work_dir"`
	// Sources are the digests of the files that were read, by name.
	Sources map[string]string `json:"sources"`
	// Plugins are the digests of the programs, by name of the plugin.
	Plugins map[string]string `json:"plugins"`
	// Variables are the values that were given. Withheld are the names of those
	// that are sensitive.
	Variables map[string]Variable `json:"variables,omitempty"`
	Withheld  []string            `json:"withheld,omitempty"`
	// Targets and Excludes are the part of the pipeline that was planned.
	Targets  []string `json:"targets,omitempty"`
	Excludes []string `json:"excludes,omitempty"`
	// Run is the id of the last run before the plan, or "".
	Run   string `json:"run,omitempty"`
	Steps []Step `json:"steps"`
}

// Step is what one phase would do.
type Step struct {
	Address string      `json:"address"`
	Action  plan.Action `json:"action"`
	Undo    bool        `json:"undo,omitempty"` // its changes are removals
	// Inputs is the digest of its config, Fingerprint that of its changes. Both are
	// empty if they depend on other phases.
	Inputs      string `json:"inputs,omitempty"`
	Fingerprint string `json:"fingerprint,omitempty"`
}

// Variable is a value: as text, or typed.
type Variable struct {
	Text  string          `json:"text,omitempty"`
	Type  json.RawMessage `json:"type,omitempty"`
	Value json.RawMessage `json:"value,omitempty"`
}

// Selection is the part of the pipeline that was planned.
func (f *File) Selection() selection.Selection {
	return selection.Selection{Targets: f.Targets, Excludes: f.Excludes}
}

// Steps are those of a plan.
func Steps(planned *plan.Plan) []Step {
	out := make([]Step, len(planned.Steps))
	for i, s := range planned.Steps {
		out[i] = Step{Address: s.Address, Action: s.Action, Undo: s.Undo, Inputs: s.Identity.Inputs, Fingerprint: s.Fingerprint}
	}
	return out
}

// sealed is the form on disk.
type sealed struct {
	Format  string          `json:"format"`
	Version int             `json:"version"`
	HMAC    string          `json:"hmac"`
	Plan    json.RawMessage `json:"plan"`
}

// Write seals a plan with the key of its state and replaces the file at path. Only
// its owner may read it.
func Write(path string, f *File, key []byte) error {
	text, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("write plan file: %w", err)
	}
	text, err = json.MarshalIndent(sealed{Format: format, Version: version, HMAC: seal(text, key), Plan: text}, "", "  ")
	if err != nil {
		return fmt.Errorf("write plan file: %w", err)
	}
	if err := resource.WriteFile(path, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("write plan file: %w", err)
	}
	return nil
}

// Unverified is a plan file whose seal was not looked at: it may say anything.
type Unverified struct {
	File
	path string
	text []byte
	hmac string
}

// Read reads a plan file, to find out which pipeline it is for.
func Read(path string) (*Unverified, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read plan file: %w", err)
	}
	var s sealed
	if err := json.Unmarshal(text, &s); err != nil || s.Format != format {
		return nil, sdk.Hint(fmt.Errorf("read plan file %s: it is none", path), "Make one: clusterflow plan PIPELINE --out "+path)
	}
	if s.Version != version {
		return nil, sdk.Hint(fmt.Errorf("read plan file %s: it has version %d, this clusterflow knows version %d", path, s.Version, version),
			"Make a new plan with this clusterflow.")
	}
	u := &Unverified{path: path, hmac: s.HMAC}
	var compact bytes.Buffer
	err = errors.Join(json.Compact(&compact, s.Plan), json.Unmarshal(s.Plan, &u.File))
	if err != nil {
		return nil, fmt.Errorf("read plan file %s: %w", path, err)
	}
	u.text = compact.Bytes()
	return u, nil
}

// Verify returns the plan if it was sealed with the key.
func (u *Unverified) Verify(key []byte) (*File, error) {
	if len(key) > 0 && hmac.Equal([]byte(u.hmac), []byte(seal(u.text, key))) {
		return &u.File, nil
	}
	return nil, sdk.Hint(fmt.Errorf("read plan file %s: it was changed, or made for another state than the one that is here now", u.path),
		"Use the state directory that it was made with, or make a new plan.")
}

func seal(text, key []byte) string {
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s v%d\n", format, version)
	mac.Write(text)
	return hex.EncodeToString(mac.Sum(nil))
}
