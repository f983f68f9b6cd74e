package oracle

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// file is one of a host.
type file struct {
	header *tar.Header
	text   []byte
}

// readFiles reads a tar archive of a host, by absolute path.
func readFiles(archive []byte) (map[string]file, error) {
	all := map[string]file{}
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read files of host: %w", err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			return nil, fmt.Errorf("read %s of host: %w", header.Name, err)
		}
		all[path.Clean("/"+header.Name)] = file{header: header, text: text}
	}
}

// authorities are the certificates that others are compared with, by their text.
func authorities(files map[string]file) map[string]string {
	known := map[string]string{}
	for name, f := range files {
		if base := path.Base(name); base == "ca.crt" || base == "front-proxy-ca.crt" {
			known[strings.TrimSpace(string(f.text))] = name
		}
	}
	return known
}

// madeAt is the time in the name of a certificate of a kubelet.
var madeAt = regexp.MustCompile(`\d{4}(-\d\d){5}`)

func (r *reader) addFiles(files map[string]file) {
	for name, f := range files {
		name, target := "file "+madeAt.ReplaceAllString(name, "TIME"), madeAt.ReplaceAllString(f.header.Linkname, "TIME")
		r.facts[name+": mode"] = fmt.Sprintf("%s %d:%d %s", f.header.FileInfo().Mode(), f.header.Uid, f.header.Gid, target)
		if f.header.Typeflag == tar.TypeReg {
			r.addContent(name+": ", path.Ext(name), string(f.text))
		}
	}
}

func (r *reader) addContent(name, extension, text string) {
	switch extension {
	case ".yaml", ".conf":
		var parts map[string]any
		if err := yaml.Unmarshal([]byte(text), &parts); err != nil {
			r.facts[name+"content"] = "no YAML: " + err.Error()
			return
		}
		r.add(name, parts)
	case ".env":
		for i, word := range strings.Fields(text) {
			r.facts[fmt.Sprintf("%sword[%d]", name, i)] = word
		}
	default:
		r.addText(name+"content", text)
	}
}
