package kubeadm

import (
	"maps"
	"slices"

	"github.com/zclconf/go-cty/cty"
	"go.yaml.in/yaml/v3"
)

// initFields are those of an InitConfiguration.
func (r *reader) initFields() fields {
	timeouts := r.part("timeouts")
	return fields{
		"apiVersion": ignored, "kind": ignored,
		"bootstrapTokens":  into(r.vars, "bootstrap_tokens", r.list(r.object("A bootstrap token", r.tokenFields))),
		"dryRun":           r.leftUnless("false", "use clusterflow plan."),
		"nodeRegistration": r.nested("nodeRegistration", r.nodeFields()),
		"localAPIEndpoint": r.nested("localAPIEndpoint", fields{
			"advertiseAddress": into(r.vars, "advertise_address", r.text),
			"bindPort":         into(r.vars, "bind_port", r.integer),
		}),
		"certificateKey": r.secret(r.vars, "certificate_key", "a new one is made. It is used only with upload_certs = true, which stands for the flag --upload-certs"),
		"skipPhases":     func(_, value *yaml.Node) { r.skipped(value) },
		"patches":        r.nested("patches", fields{"directory": into(r.vars, "patches_dir", r.text)}),
		"timeouts": r.since4(r.nested("timeouts", fields{
			"controlPlaneComponentHealthCheck": into(timeouts, "control_plane", r.duration),
			"kubeletHealthCheck":               into(timeouts, "kubelet", r.duration),
			"kubernetesAPICall":                into(timeouts, "kubernetes_api", r.duration),
			"etcdAPICall":                      into(timeouts, "etcd_api", r.duration),
			"tlsBootstrap":                     into(timeouts, "tls_bootstrap", r.duration),
			"discovery":                        into(timeouts, "discovery", r.duration),
			"upgradeManifests":                 r.leftUnless("5m0s", "it is for upgrades."),
		})),
	}
}

func (r *reader) nodeFields() fields {
	return fields{
		"name":                  into(r.vars, "node_name", r.text),
		"criSocket":             into(r.vars, "cri_socket", r.text),
		"taints":                into(r.vars, "taints", r.list(r.object("A taint", r.taintFields))),
		"kubeletExtraArgs":      into(r.vars, "kubelet_extra_args", r.arguments),
		"ignorePreflightErrors": into(r.vars, "ignore_preflight_errors", r.list(r.text)),
		"imagePullPolicy":       into(r.vars, "image_pull_policy", r.text),
		"imagePullSerial":       r.since4(into(r.vars, "image_pull_serial", r.boolean)),
	}
}

func (r *reader) taintFields(o object) fields {
	return fields{
		"key": into(o, "key", r.text), "value": into(o, "value", r.text), "effect": into(o, "effect", r.text),
		"timeAdded": r.left("the time is that at which the node is marked."),
	}
}

func (r *reader) tokenFields(o object) fields {
	return fields{
		"token":       r.secret(o, "token", "a new one is made"),
		"description": into(o, "description", r.text),
		"ttl":         into(o, "ttl", r.duration),
		"expires":     r.left("a token has a ttl, which counts from its making."),
		"usages":      into(o, "usages", r.list(r.text)),
		"groups":      into(o, "groups", r.list(r.text)),
	}
}

// clusterFields are those of a ClusterConfiguration.
func (r *reader) clusterFields() fields {
	coreDNS := r.part("coredns")
	return fields{
		"apiVersion": ignored, "kind": ignored,
		"etcd": r.nested("etcd", r.etcdFields()),
		"networking": r.nested("networking", fields{
			"serviceSubnet": into(r.vars, "service_subnet", r.text),
			"podSubnet":     into(r.vars, "pod_subnet", r.text),
			"dnsDomain":     into(r.vars, "dns_domain", r.text),
		}),
		"kubernetesVersion":    r.version,
		"controlPlaneEndpoint": into(r.vars, "control_plane_endpoint", r.text),
		"apiServer": r.component("apiserver", "apiServer", fields{
			"certSANs":               into(r.vars, "apiserver_cert_extra_sans", r.list(r.text)),
			"timeoutForControlPlane": r.until3(into(r.part("timeouts"), "control_plane", r.duration)),
		}),
		"controllerManager": r.component("controller_manager", "controllerManager", nil),
		"scheduler":         r.component("scheduler", "scheduler", nil),
		"dns": r.nested("dns", fields{
			"imageRepository": into(coreDNS, "image_repository", r.text),
			"imageTag":        into(coreDNS, "image_tag", r.text),
			"disabled":        r.since4(into(coreDNS, "enabled", r.negated)),
		}),
		"proxy":                       r.since4(r.nested("proxy", fields{"disabled": into(r.part("kube_proxy"), "enabled", r.negated)})),
		"certificatesDir":             into(r.vars, "cert_dir", r.text),
		"imageRepository":             into(r.vars, "image_repository", r.text),
		"featureGates":                into(r.vars, "feature_gates", r.mapping(r.boolean)),
		"clusterName":                 into(r.vars, "cluster_name", r.text),
		"encryptionAlgorithm":         r.since4(into(r.vars, "key_algorithm", r.text)),
		"certificateValidityPeriod":   r.since4(into(r.vars, "certificate_validity", r.duration)),
		"caCertificateValidityPeriod": r.since4(into(r.vars, "ca_certificate_validity", r.duration)),
	}
}

func (r *reader) etcdFields() fields {
	etcd := r.part("etcd")
	return fields{
		"local": r.nested("etcd.local", fields{
			"imageRepository": into(etcd, "image_repository", r.text),
			"imageTag":        into(etcd, "image_tag", r.text),
			"dataDir":         into(etcd, "data_dir", r.text),
			"extraArgs":       into(etcd, "extra_args", r.arguments),
			"extraEnvs":       r.since4(into(etcd, "extra_envs", r.list(r.variable))),
			"serverCertSANs":  into(etcd, "server_cert_sans", r.list(r.text)),
			"peerCertSANs":    into(etcd, "peer_cert_sans", r.list(r.text)),
		}),
		"external": into(r.vars, "external_etcd", r.object("etcd.external", func(o object) fields {
			return fields{
				"endpoints":     into(o, "endpoints", r.list(r.text)),
				"httpEndpoints": r.since4(into(o, "http_endpoints", r.list(r.text))),
				"caFile":        into(o, "ca_file", r.text),
				"certFile":      into(o, "cert_file", r.text),
				"keyFile":       into(o, "key_file", r.text),
			}
		})),
	}
}

// component reads what the three components have in common, and more.
func (r *reader) component(name, what string, more fields) field {
	o := r.part(name)
	all := fields{
		"extraArgs":    into(o, "extra_args", r.arguments),
		"extraEnvs":    r.since4(into(o, "extra_envs", r.list(r.variable))),
		"extraVolumes": into(o, "extra_volumes", r.list(r.object("A volume", r.volumeFields))),
	}
	maps.Copy(all, more)
	return r.nested(what, all)
}

// variable reads a variable of the environment, and leaves it out if it has no
// value of its own.
func (r *reader) variable(n *yaml.Node) (cty.Value, bool) {
	elsewhere := false
	v, ok := r.object("A variable", func(o object) fields {
		o["value"] = cty.StringVal("")
		return fields{
			"name": into(o, "name", r.text), "value": into(o, "value", r.text),
			"valueFrom": func(key, _ *yaml.Node) {
				elsewhere = true
				r.warn(key, "valueFrom: extra_envs has names and values only. The variable is left out.")
			},
		}
	})(n)
	if elsewhere {
		return cty.NilVal, ok
	}
	return v, ok
}

func (r *reader) volumeFields(o object) fields {
	return fields{
		"name": into(o, "name", r.text), "hostPath": into(o, "host_path", r.text), "mountPath": into(o, "mount_path", r.text),
		"readOnly": into(o, "read_only", r.boolean), "pathType": into(o, "path_type", r.text),
	}
}

// nested is a field that is a mapping with fields of its own.
func (r *reader) nested(what string, known fields) field {
	return func(_, value *yaml.Node) { r.fields(value, what, known) }
}

// arguments reads flags: a mapping in v1beta3, a list of name and value since.
func (r *reader) arguments(n *yaml.Node) (cty.Value, bool) {
	if !r.old {
		return r.list(r.object("An argument", func(o object) fields {
			o["value"] = cty.StringVal("")
			return fields{"name": into(o, "name", r.text), "value": into(o, "value", r.text)}
		}))(n)
	}
	v, ok := r.mapping(r.text)(n)
	if !ok {
		return v, false
	}
	values, list := v.AsValueMap(), []cty.Value{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		list = append(list, cty.ObjectVal(map[string]cty.Value{"name": cty.StringVal(name), "value": values[name]}))
	}
	return cty.TupleVal(list), true
}
