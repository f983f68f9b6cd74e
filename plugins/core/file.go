package core

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type fileConfig struct {
	Path string `cf:"path,required" doc:"Where the file goes."`

	Content       *string `cf:"content" doc:"The text of the file. Differences are shown in plans."`
	SecretContent *string `cf:"secret_content,sensitive" doc:"The text of a file that holds a secret. It is shown nowhere."`
	Source        string  `cf:"source,file" doc:"Path of a file to copy."`

	Mode    string `cf:"mode" doc:"Permissions. Default: 0644, with secret_content 0600."`
	DirMode string `cf:"dir_mode" default:"\"0755\"" doc:"Permissions of the directories that have to be made for it."`
}

type fileOutputs struct {
	Path   string `cf:"path" doc:"The absolute path of the file."`
	SHA256 string `cf:"sha256,late" doc:"SHA-256 of the content, in hexadecimal."`
}

func file() sdk.Type {
	return resource.Phase[fileConfig, fileOutputs]{
		Name: "file",
		Doc: "Writes a file, with the right permissions from its first byte. Readers see the old content or the new, never a part. " +
			"Undo removes a file that the phase made; one that was there before stays as the phase left it.",
		Example: `phase "core.file" "modules" {
  path    = "/etc/modules-load.d/kubernetes.conf"
  content = "overlay\nbr_netfilter\n"
}`,
		Access:   []sdk.Access{{Kind: sdk.AccessPath, What: "config.path", Write: true}, {Kind: sdk.AccessPath, What: "config.source"}},
		Validate: func(c fileConfig) error { _, _, err := c.check(); return err },
		Build:    buildFile,
	}.Type()
}

// check validates c and parses its modes.
func (c fileConfig) check() (mode, dirMode fs.FileMode, err error) {
	if err := checkPath("path", c.Path); err != nil {
		return 0, 0, err
	}
	set := map[string]bool{"content": c.Content != nil, "secret_content": c.SecretContent != nil, "source": c.Source != ""}
	if err := exactlyOne(set, "content", "secret_content", "source"); err != nil {
		return 0, 0, err
	}
	text := c.Mode
	switch {
	case text != "":
	case c.SecretContent != nil:
		text = "0600"
	default:
		text = "0644"
	}
	if mode, err = parseMode("mode", text); err != nil {
		return 0, 0, err
	}
	dirMode, err = parseMode("dir_mode", c.DirMode)
	return mode, dirMode, err
}

func buildFile(_ context.Context, in resource.Input[fileConfig]) (resource.Work[fileOutputs], error) {
	mode, dirMode, err := in.Config.check()
	if err != nil {
		return resource.Work[fileOutputs]{}, err
	}
	f := &resource.File{
		Path: hostpath.Abs(in.WorkDir, in.Config.Path), Mode: mode, DirMode: dirMode,
		Secret: in.Config.SecretContent != nil,
	}
	work := resource.Work[fileOutputs]{Resources: []resource.Resource{f}}
	switch {
	case in.Config.Content != nil:
		f.Content = []byte(*in.Config.Content)
	case in.Config.SecretContent != nil:
		f.Content = []byte(*in.Config.SecretContent)
	default:
		work.Resources = []resource.Resource{&copied{File: f, source: hostpath.Abs(in.WorkDir, in.Config.Source)}}
	}
	work.Known = func() fileOutputs { return fileOutputs{Path: f.Path} }
	work.Outputs = func(context.Context) (fileOutputs, error) {
		sum := sha256.Sum256(f.Content)
		return fileOutputs{Path: f.Path, SHA256: hex.EncodeToString(sum[:])}, nil
	}
	return work, nil
}

// copied is a file whose content is that of another one, which an earlier phase
// may have yet to make.
type copied struct {
	*resource.File
	source string
}

var _ resource.Resource = (*copied)(nil)

// Diff compares the two files.
func (c *copied) Diff(ctx context.Context) (sdk.Change, error) {
	content, err := os.ReadFile(c.source)
	if errors.Is(err, fs.ErrNotExist) {
		change := sdk.Change{Op: sdk.OpCreate, Reason: "source is not there yet"}
		if _, err := os.Lstat(c.Path); err == nil {
			change.Op = sdk.OpUpdate
		}
		return change, nil
	}
	if err != nil {
		return sdk.Change{}, err
	}
	c.Content = content
	if bytes.ContainsRune(content, 0) { // nothing to show
		c.Secret = true
	}
	return c.File.Diff(ctx)
}

// Render copies.
func (c *copied) Render(ctx context.Context) error {
	content, err := os.ReadFile(c.source)
	if err != nil {
		return sdk.Hint(fmt.Errorf("read source: %w", err), "Is the path right, and does the phase that makes the file come first?")
	}
	c.Content = content
	return c.File.Render(ctx)
}
