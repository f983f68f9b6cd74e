package addons

import (
	"net/netip"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

const (
	coreDNS     = "coredns"
	corefileKey = "Corefile"
	// dnsService keeps the name of the DNS before CoreDNS: others look for it.
	dnsService = "kube-dns"
	dnsRole    = "system:coredns"
)

func (c coreDNSConfig) configMap() *corev1.ConfigMap {
	text := c.Corefile
	if text == "" {
		text = corefile(c.DNSDomain)
	}
	return &corev1.ConfigMap{ObjectMeta: inSystem(coreDNS), Data: map[string]string{corefileKey: text}}
}

// corefile is kubeadm's configuration of CoreDNS, in CoreDNS's own language.
func corefile(domain string) string {
	return `.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes ` + domain + ` in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30 {
       disable success ` + domain + `
       disable denial ` + domain + `
    }
    loop
    reload
    loadbalance
}
`
}

func dnsLabels() map[string]string { return map[string]string{"k8s-app": dnsService} }

func (c coreDNSConfig) deployment() *appsv1.Deployment {
	replicas := int32(defaultReplicas)
	if c.Replicas != nil {
		replicas = int32(*c.Replicas)
	}
	meta := inSystem(coreDNS)
	meta.Labels = dnsLabels()
	return &appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{
		Replicas: &replicas,
		Strategy: appsv1.DeploymentStrategy{
			Type:          appsv1.RollingUpdateDeploymentStrategyType,
			RollingUpdate: &appsv1.RollingUpdateDeployment{MaxUnavailable: new(intstr.FromInt32(1))},
		},
		Selector: &metav1.LabelSelector{MatchLabels: dnsLabels()},
		Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: dnsLabels()},
			Spec: corev1.PodSpec{
				PriorityClassName:  "system-cluster-critical",
				ServiceAccountName: coreDNS,
				DNSPolicy:          corev1.DNSDefault, // that of the node: CoreDNS cannot ask itself
				NodeSelector:       onLinux(),
				Affinity:           apart(),
				Tolerations: []corev1.Toleration{
					{Key: "CriticalAddonsOnly", Operator: corev1.TolerationOpExists},
					{Key: "node-role.kubernetes.io/control-plane", Effect: corev1.TaintEffectNoSchedule},
				},
				Containers: []corev1.Container{c.container()},
				Volumes: []corev1.Volume{{Name: "config-volume", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
					LocalObjectReference: corev1.LocalObjectReference{Name: coreDNS},
					Items:                []corev1.KeyToPath{{Key: corefileKey, Path: corefileKey}},
				}}}},
			},
		},
	}}
}

// apart keeps the pods on different nodes where there are enough.
func apart() *corev1.Affinity {
	return &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{
		PreferredDuringSchedulingIgnoredDuringExecution: []corev1.WeightedPodAffinityTerm{{
			Weight: 100,
			PodAffinityTerm: corev1.PodAffinityTerm{
				TopologyKey: corev1.LabelHostname,
				LabelSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{
					Key: "k8s-app", Operator: metav1.LabelSelectorOpIn, Values: []string{dnsService},
				}}},
			},
		}},
	}}
}

func (c coreDNSConfig) container() corev1.Container {
	probe := func(path, port string) corev1.ProbeHandler {
		return corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromString(port), Scheme: corev1.URISchemeHTTP}}
	}
	return corev1.Container{
		Name:            coreDNS,
		Image:           coreDNSImage(c.ImageRepository, c.ImageTag),
		ImagePullPolicy: corev1.PullIfNotPresent,
		Args:            []string{"-conf", "/etc/coredns/Corefile"},
		Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: resource.MustParse("70Mi")},
			Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("170Mi")},
		},
		Ports: []corev1.ContainerPort{
			{Name: "dns", ContainerPort: 53, Protocol: corev1.ProtocolUDP},
			{Name: "dns-tcp", ContainerPort: 53, Protocol: corev1.ProtocolTCP},
			{Name: "metrics", ContainerPort: 9153, Protocol: corev1.ProtocolTCP},
			{Name: "liveness-probe", ContainerPort: 8080, Protocol: corev1.ProtocolTCP},
			{Name: "readiness-probe", ContainerPort: 8181, Protocol: corev1.ProtocolTCP},
		},
		LivenessProbe: &corev1.Probe{
			ProbeHandler:        probe("/health", "liveness-probe"),
			InitialDelaySeconds: 60, TimeoutSeconds: 5, SuccessThreshold: 1, FailureThreshold: 5,
		},
		ReadinessProbe: &corev1.Probe{
			ProbeHandler:  probe("/ready", "readiness-probe"),
			PeriodSeconds: readyEvery, FailureThreshold: unreadyAfter / readyEvery,
		},
		SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: new(false),
			ReadOnlyRootFilesystem:   new(true),
			Capabilities:             &corev1.Capabilities{Add: []corev1.Capability{"NET_BIND_SERVICE"}, Drop: []corev1.Capability{"ALL"}},
		},
		VolumeMounts: []corev1.VolumeMount{{Name: "config-volume", MountPath: "/etc/coredns", ReadOnly: true}},
	}
}

// CoreDNS is asked every 2 seconds whether it is ready, so that one that just missed
// a question is not kept out for the 10 seconds that are Kubernetes' default. One that
// fails is taken out after 30 seconds, as by default.
const (
	readyEvery   = 2
	unreadyAfter = 30
)

// others are the Service, the account and its rights.
func (c coreDNSConfig) others(address netip.Addr) []runtime.Object {
	service := inSystem(dnsService)
	service.Labels = map[string]string{
		"k8s-app": dnsService, "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS",
	}
	service.Annotations = map[string]string{"prometheus.io/port": "9153", "prometheus.io/scrape": "true"}
	port := func(name string, number int32, protocol corev1.Protocol) corev1.ServicePort {
		return corev1.ServicePort{Name: name, Port: number, Protocol: protocol, TargetPort: intstr.FromInt32(number)}
	}
	watch := []string{"list", "watch"}
	return []runtime.Object{
		&corev1.Service{ObjectMeta: service, Spec: corev1.ServiceSpec{
			ClusterIP: address.String(),
			Selector:  dnsLabels(),
			Ports: []corev1.ServicePort{
				port("dns", 53, corev1.ProtocolUDP), port("dns-tcp", 53, corev1.ProtocolTCP), port("metrics", 9153, corev1.ProtocolTCP),
			},
		}},
		&corev1.ServiceAccount{ObjectMeta: inSystem(coreDNS)},
		&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: dnsRole}, Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{""}, Resources: []string{"endpoints", "services", "pods", "namespaces"}, Verbs: watch},
			{APIGroups: []string{"discovery.k8s.io"}, Resources: []string{"endpointslices"}, Verbs: watch},
		}},
		bindServiceAccount(dnsRole, dnsRole, coreDNS),
	}
}
