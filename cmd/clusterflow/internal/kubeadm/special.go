package kubeadm

import (
	"net"
	"regexp"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"go.yaml.in/yaml/v3"
)

// versionRule is a version, which kubeadm takes with and without a v.
const versionRule = `^v?\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?$`

func (r *reader) version(key, value *yaml.Node) {
	v, ok := r.text(value)
	switch {
	case !ok:
	case regexp.MustCompile(versionRule).MatchString(v.AsString()):
		r.vars["kubernetes_version"] = cty.StringVal("v" + strings.TrimPrefix(v.AsString(), "v"))
	default:
		r.warn(key, "%s is a label, for which kubeadm asks the internet. Set kubernetes_version to a version such as v1.36.3.", v.AsString())
	}
}

// negated reads "disabled" into "enabled".
func (r *reader) negated(n *yaml.Node) (cty.Value, bool) {
	v, ok := r.boolean(n)
	if !ok {
		return v, false
	}
	return v.Not(), true
}

// secret carries a field over if that is wanted.
func (r *reader) secret(o object, name, instead string) field {
	return func(key, value *yaml.Node) {
		v, ok := r.text(value)
		switch {
		case !ok || v.AsString() == "":
		case r.opts.Secrets:
			o[name] = v
		default:
			r.warn(key, "%s is a secret: %s. --with-secrets carries it over.", key.Value, instead)
		}
	}
}

// skipped reads the phases to be skipped: addons have variables, and others do not.
func (r *reader) skipped(n *yaml.Node) {
	v, ok := r.list(r.text)(n)
	if !ok {
		return
	}
	names := []string{}
	for _, item := range v.AsValueSlice() {
		names = append(names, item.AsString())
	}
	for i, name := range names {
		switch name {
		case "addon", "addon/all":
			r.off = append(r.off, "coredns", "kube_proxy")
		case "addon/coredns":
			r.off = append(r.off, "coredns")
		case "addon/kube-proxy":
			r.off = append(r.off, "kube_proxy")
		case "upload-certs", "show-join-command": // left out unless wanted, or nothing to leave out
		default:
			r.warn(n.Content[i], "There is no variable for the phase %q. Leave it out with --exclude; `clusterflow graph init` shows the names.", name)
		}
	}
}

// finish does what depends on several fields.
func (r *reader) finish() {
	if gates, ok := r.vars["feature_gates"]; ok && gates.Type().HasAttribute("PublicKeysECDSA") {
		algorithm := "RSA-2048"
		if gates.GetAttr("PublicKeysECDSA").True() {
			algorithm = "ECDSA-P256"
		}
		r.vars["key_algorithm"] = cty.StringVal(algorithm) // goes before encryptionAlgorithm, as with kubeadm
	}
	if len(r.shared["etcd"]) > 0 && r.vars["external_etcd"] != cty.NilVal {
		r.fail(&yaml.Node{Line: 1}, "etcd is either local or external, not both.")
	}
	r.addPort()
	for _, addon := range r.off { // whatever else the file says of it, as with kubeadm
		r.part(addon)["enabled"] = cty.False
	}
	for name, o := range r.shared {
		if len(o) > 0 {
			r.vars[name] = cty.ObjectVal(o)
		}
	}
}

// addPort gives controlPlaneEndpoint the port that kubeadm gives it.
func (r *reader) addPort() {
	endpoint, given := r.vars["control_plane_endpoint"]
	port, own := r.vars["bind_port"]
	if !given || !own || endpoint.AsString() == "" || port.RawEquals(cty.NumberIntVal(6443)) {
		return
	}
	if _, _, err := net.SplitHostPort(endpoint.AsString()); err != nil {
		host := strings.Trim(endpoint.AsString(), "[]")
		r.vars["control_plane_endpoint"] = cty.StringVal(net.JoinHostPort(host, port.AsBigFloat().Text('f', 0)))
	}
}

// order is that of the variables in the pipeline, for people who compare.
func order() []string {
	return []string{
		"kubernetes_version", "cluster_name", "node_name", "advertise_address", "bind_port", "control_plane_endpoint", "cert_dir", "image_repository",
		"service_subnet", "pod_subnet", "dns_domain", "apiserver_cert_extra_sans", "key_algorithm", "certificate_validity", "ca_certificate_validity",
		"etcd", "external_etcd", "apiserver", "controller_manager", "scheduler", "coredns", "kube_proxy", "feature_gates", "patches_dir",
		"cri_socket", "taints", "kubelet_extra_args", "image_pull_policy", "image_pull_serial", "ignore_preflight_errors",
		"certificate_key", "bootstrap_tokens", "timeouts",
	}
}

// ordered lists the variables that have a value.
func (r *reader) ordered() []string {
	return slices.DeleteFunc(order(), func(name string) bool { return r.vars[name] == cty.NilVal })
}
