package addons

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	"sigs.k8s.io/yaml"

	"github.com/clusterflow/clusterflow/plugins/internal/componentapi"
	"github.com/clusterflow/clusterflow/plugins/internal/componentconfig"
)

const (
	kubeProxy     = "kube-proxy"
	proxyDir      = "/var/lib/kube-proxy"
	accountDir    = "/var/run/secrets/kubernetes.io/serviceaccount"
	configKey     = "config.conf"
	kubeconfigKey = "kubeconfig.conf"
	// hashNote is the annotation of the pods with the hash of their configuration.
	hashNote = "clusterflow/config-hash"
	// nodeTokenGroup may read the config: kubeadm join shows it.
	nodeTokenGroup = "system:bootstrappers:kubeadm:default-node-token"
)

// objects lists all that belongs to kube-proxy.
func (c kubeProxyConfig) objects() ([]runtime.Object, error) {
	config, err := c.configMap()
	if err != nil {
		return nil, err
	}
	return []runtime.Object{
		config, c.daemonSet(componentconfig.Hash(config)),
		&corev1.ServiceAccount{ObjectMeta: inSystem(kubeProxy)},
		bindServiceAccount("kubeadm:node-proxier", "system:node-proxier", kubeProxy),
		&rbacv1.Role{ObjectMeta: inSystem(kubeProxy), Rules: []rbacv1.PolicyRule{{
			APIGroups: []string{""}, Resources: []string{"configmaps"}, ResourceNames: []string{kubeProxy}, Verbs: []string{"get"},
		}}},
		&rbacv1.RoleBinding{
			ObjectMeta: inSystem(kubeProxy),
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: kubeProxy},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: nodeTokenGroup}},
		},
	}, nil
}

func (c kubeProxyConfig) configMap() (*corev1.ConfigMap, error) {
	config, mine, err := c.configuration()
	if err != nil {
		return nil, err
	}
	kubeconfig, err := c.kubeconfig()
	if err != nil {
		return nil, err
	}
	meta := inSystem(kubeProxy)
	meta.Labels = map[string]string{"app": kubeProxy}
	object := &corev1.ConfigMap{ObjectMeta: meta, Data: map[string]string{configKey: config, kubeconfigKey: kubeconfig}}
	if !mine {
		componentconfig.Sign(object)
	}
	return object, nil
}

// configuration is config.conf: the given fields over kubeadm's defaults. mine
// says that the user has set any.
func (c kubeProxyConfig) configuration() (text string, mine bool, err error) {
	kind := componentapi.KubeProxyConfigurationKind()
	var k componentapi.KubeProxyConfiguration
	if mine, err = componentconfig.Decode(c.Configuration, kind, &k); err != nil {
		return "", false, attrError("configuration", "%w", err)
	}
	if err := c.mergeInto(&k); err != nil {
		return "", false, err
	}
	address, err := c.bindAddress()
	if err != nil {
		return "", false, err
	}
	k.APIVersion, k.Kind = kind.ToAPIVersionAndKind()
	k.BindAddress = cmp.Or(k.BindAddress, address)
	k.ClusterCIDR = cmp.Or(k.ClusterCIDR, c.PodSubnet)
	k.ClientConnection.Kubeconfig = cmp.Or(k.ClientConnection.Kubeconfig, proxyDir+"/"+kubeconfigKey)
	out, err := yaml.Marshal(k)
	if err != nil {
		return "", false, fmt.Errorf("write config of kube-proxy: %w", err)
	}
	return strings.TrimSuffix(string(out), "\n"), mine || c.Mode != "" || len(c.FeatureGates) > 0, nil
}

// mergeInto puts mode and feature gates, which have attributes of their own, into
// a configuration that may have them too.
func (c kubeProxyConfig) mergeInto(k *componentapi.KubeProxyConfiguration) error {
	mode := componentapi.ProxyMode(c.Mode)
	if mode != "" && k.Mode != "" && mode != k.Mode {
		return attrError("mode", "%s and the mode of configuration, %s, contradict each other", mode, k.Mode)
	}
	k.Mode = cmp.Or(k.Mode, mode)
	for _, name := range slices.Sorted(maps.Keys(c.FeatureGates)) {
		if set, ok := k.FeatureGates[name]; ok && set != c.FeatureGates[name] {
			return attrError("feature_gates", "%s is %v here and %v in configuration", name, c.FeatureGates[name], set)
		}
		if k.FeatureGates == nil {
			k.FeatureGates = map[string]bool{}
		}
		k.FeatureGates[name] = c.FeatureGates[name]
	}
	return nil
}

// kubeconfig is kubeconfig.conf: kube-proxy is its service account.
func (c kubeProxyConfig) kubeconfig() (string, error) {
	server, err := c.server()
	if err != nil {
		return "", err
	}
	const name = "default"
	out, err := yaml.Marshal(clientcmdv1.Config{
		APIVersion: "v1", Kind: "Config", CurrentContext: name,
		Clusters:  []clientcmdv1.NamedCluster{{Name: name, Cluster: clientcmdv1.Cluster{Server: server, CertificateAuthority: accountDir + "/ca.crt"}}},
		Contexts:  []clientcmdv1.NamedContext{{Name: name, Context: clientcmdv1.Context{Cluster: name, Namespace: "default", AuthInfo: name}}},
		AuthInfos: []clientcmdv1.NamedAuthInfo{{Name: name, AuthInfo: clientcmdv1.AuthInfo{TokenFile: accountDir + "/token"}}},
	})
	if err != nil {
		return "", fmt.Errorf("write kubeconfig of kube-proxy: %w", err)
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}

// daemonSet takes the hash of the ConfigMap: another one is another pod template,
// and so replaces the pods.
func (c kubeProxyConfig) daemonSet(configHash string) *appsv1.DaemonSet {
	labels := map[string]string{"k8s-app": kubeProxy}
	meta := inSystem(kubeProxy)
	meta.Labels = labels
	hostPath := func(name, path string, kind *corev1.HostPathType) corev1.Volume {
		return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: path, Type: kind}}}
	}
	return &appsv1.DaemonSet{ObjectMeta: meta, Spec: appsv1.DaemonSetSpec{
		Selector:       &metav1.LabelSelector{MatchLabels: labels},
		UpdateStrategy: appsv1.DaemonSetUpdateStrategy{Type: appsv1.RollingUpdateDaemonSetStrategyType},
		Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: map[string]string{hashNote: configHash}},
			Spec: corev1.PodSpec{
				PriorityClassName:  "system-node-critical",
				ServiceAccountName: kubeProxy,
				HostNetwork:        true,
				NodeSelector:       onLinux(),
				Tolerations:        []corev1.Toleration{{Operator: corev1.TolerationOpExists}}, // every node needs it
				Containers: []corev1.Container{{
					Name:            kubeProxy,
					Image:           c.image(),
					ImagePullPolicy: corev1.PullIfNotPresent,
					Command:         []string{"/usr/local/bin/kube-proxy", "--config=" + proxyDir + "/" + configKey, "--hostname-override=$(NODE_NAME)"},
					Env:             c.environment(),
					SecurityContext: &corev1.SecurityContext{Privileged: new(true)},
					VolumeMounts: []corev1.VolumeMount{
						{Name: kubeProxy, MountPath: proxyDir},
						{Name: "xtables-lock", MountPath: "/run/xtables.lock"},
						{Name: "lib-modules", MountPath: "/lib/modules", ReadOnly: true},
					},
				}},
				Volumes: []corev1.Volume{
					{Name: kubeProxy, VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: kubeProxy}}}},
					hostPath("xtables-lock", "/run/xtables.lock", new(corev1.HostPathFileOrCreate)),
					hostPath("lib-modules", "/lib/modules", nil),
				},
			},
		},
	}}
}

func (c kubeProxyConfig) environment() []corev1.EnvVar {
	env := []corev1.EnvVar{{Name: "NODE_NAME", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "spec.nodeName"}}}}
	for _, name := range slices.Sorted(maps.Keys(c.Env)) {
		env = append(env, corev1.EnvVar{Name: name, Value: c.Env[name]})
	}
	return env
}
