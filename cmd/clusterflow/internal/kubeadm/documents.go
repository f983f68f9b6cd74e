package kubeadm

import (
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// group is the API group of kubeadm's configuration.
const group = "kubeadm.k8s.io/"

// document is one of the parts of a file, between lines of three dashes.
type document struct {
	text       string
	line       int // of its beginning, from 0
	root       *yaml.Node
	apiVersion string
	kind       string
}

// split cuts a file into its documents. The line that begins one belongs to it,
// without the dashes, so that places stay what they are.
func split(source string) []document {
	var docs []document
	var text strings.Builder
	begin, number := 0, 0
	flush := func() {
		if strings.TrimSpace(text.String()) != "" {
			docs = append(docs, document{text: text.String(), line: begin})
		}
		text.Reset()
		begin = number
	}
	for line := range strings.Lines(source) {
		switch rest, isStart := strings.CutPrefix(line, "---"); {
		case isStart && (rest == "" || strings.ContainsAny(rest[:1], " \t\r\n")):
			flush()
			text.WriteString("   " + rest)
		case strings.TrimRight(line, " \t\r\n") == "...":
			text.WriteString(strings.Repeat(" ", 3) + line[3:])
		default:
			text.WriteString(line)
		}
		number++
	}
	flush()
	return docs
}

// read reads all documents.
func (r *reader) read() {
	r.kinds = map[string]bool{}
	for _, doc := range split(string(r.source)) {
		if r.parse(&doc) {
			r.document(doc)
		}
	}
	if !r.diags.HasErrors() && !r.kinds["InitConfiguration"] && !r.kinds["ClusterConfiguration"] {
		r.fail(&yaml.Node{Line: 1}, "The file has neither an InitConfiguration nor a ClusterConfiguration of %sv1beta4 or v1beta3.", group)
	}
}

// parse reads the YAML of a document and what it says it is. It returns false if
// there is nothing to go on with.
func (r *reader) parse(doc *document) bool {
	var top yaml.Node
	if err := yaml.Unmarshal([]byte(doc.text), &top); err != nil {
		line, message := yamlError(err)
		r.fail(&yaml.Node{Line: doc.line + max(line, 1)}, "It is not YAML: %s.", message)
		return false
	}
	if len(top.Content) == 0 { // comments only
		return false
	}
	doc.root = top.Content[0]
	shift(doc.root, doc.line)
	if doc.root.Kind != yaml.MappingNode {
		r.fail(doc.root, "A document must be a mapping with apiVersion and kind.")
		return false
	}
	for i := 0; i+1 < len(doc.root.Content); i += 2 {
		switch doc.root.Content[i].Value {
		case "apiVersion":
			doc.apiVersion = doc.root.Content[i+1].Value
		case "kind":
			doc.kind = doc.root.Content[i+1].Value
		}
	}
	if doc.apiVersion == "" || doc.kind == "" {
		r.fail(doc.root, "A document must say its apiVersion and kind.")
		return false
	}
	return true
}

// yamlError takes the line, 0 if unknown, and the message out of an error.
func yamlError(err error) (int, string) {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	found := regexp.MustCompile(`^line (\d+): `).FindStringSubmatch(text)
	if found == nil {
		return 0, text
	}
	line, _ := strconv.Atoi(found[1]) // digits
	return line, text[len(found[0]):]
}

// shift turns lines within a document into lines of the file.
func shift(n *yaml.Node, by int) {
	n.Line += by
	for _, child := range n.Content {
		shift(child, by)
	}
}

// document carries over one document.
func (r *reader) document(doc document) {
	if r.kinds[doc.kind] {
		r.fail(doc.root, "There is more than one %s.", doc.kind)
		return
	}
	r.kinds[doc.kind] = true
	switch doc.apiVersion + " " + doc.kind {
	case "kubelet.config.k8s.io/v1beta1 KubeletConfiguration":
		r.texts = append(r.texts, rawText{"kubelet_configuration", doc.plain()})
		return
	case "kubeproxy.config.k8s.io/v1alpha1 KubeProxyConfiguration":
		r.texts = append(r.texts, rawText{"kube_proxy_configuration", doc.plain()})
		return
	}
	version, ours := strings.CutPrefix(doc.apiVersion, group)
	if !ours {
		r.warn(doc.root, "kubeadm does not know %s of %s either.", doc.kind, doc.apiVersion)
		return
	}
	switch version {
	case "v1beta4":
		r.old = false
	case "v1beta3":
		r.old = true
	default:
		r.fail(doc.root, "The version %s cannot be read. Write the file anew with `kubeadm config migrate` of a kubeadm that knows both it and v1beta4 or v1beta3.", version)
		return
	}
	r.configuration(doc)
}

func (r *reader) configuration(doc document) {
	switch doc.kind {
	case "InitConfiguration":
		r.fields(doc.root, "InitConfiguration", r.initFields())
	case "ClusterConfiguration":
		r.fields(doc.root, "ClusterConfiguration", r.clusterFields())
	case "JoinConfiguration":
		r.warn(doc.root, "A JoinConfiguration is for nodes that join; init.hcl makes the first one.")
	case "ResetConfiguration", "UpgradeConfiguration":
		r.warn(doc.root, "%s says nothing about the making of a cluster.", doc.kind)
	default:
		r.warn(doc.root, "kubeadm has no kind %s.", doc.kind)
	}
}

// plain is the text of the document, as it is written.
func (d document) plain() string {
	return strings.TrimSpace(strings.ReplaceAll(d.text, "\r\n", "\n")) + "\n"
}
