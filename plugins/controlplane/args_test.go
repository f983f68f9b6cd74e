package controlplane

import (
	"strings"
	"testing"

	"github.com/clusterflow/clusterflow/plugins/internal/component"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
)

const kubernetesDir = "/etc/kubernetes"

func apiServerOnNode() apiServer {
	return apiServer{
		AdvertiseAddress: "10.99.0.11", Port: 6443, CertDir: kubernetesDir + "/pki",
		Etcd: etcdClient{
			Endpoints: []string{"https://127.0.0.1:2379"}, CAFile: kubernetesDir + "/pki/etcd/ca.crt",
			CertFile: kubernetesDir + "/pki/apiserver-etcd-client.crt", KeyFile: kubernetesDir + "/pki/apiserver-etcd-client.key",
		},
		ServiceSubnet: "10.96.0.0/12", DNSDomain: "cluster.local",
	}
}

func managerOnNode() controllerManager {
	return controllerManager{
		BindAddress: "127.0.0.1", Port: defaultManagerPort, CertDir: kubernetesDir + "/pki",
		Kubeconfig: kubernetesDir + "/controller-manager.conf", ClusterName: "kubernetes",
		ServiceSubnet: "10.96.0.0/12", PodSubnet: "10.244.0.0/16",
	}
}

func schedulerOnNode() scheduler {
	return scheduler{BindAddress: "127.0.0.1", Port: defaultSchedulerPort, Kubeconfig: kubernetesDir + "/scheduler.conf"}
}

// TestArgs compares with what kubeadm 1.36.3 writes into its manifests, and with
// its rule for extra arguments.
func TestArgs(t *testing.T) {
	external := apiServerOnNode()
	external.Etcd = etcdClient{Endpoints: []string{"http://10.0.0.1:2379", "http://10.0.0.2:2379"}}
	external.AdvertiseAddress, external.Port = "fd00::11", 8443
	external.ServiceSubnet = "fd00:1::/112,10.96.0.0/12"
	authorized := apiServerOnNode()
	authorized.Extra = []component.Flag{
		{Name: "authorization-config", Value: "/etc/authz.yaml"},
		{Name: "service-account-issuer", Value: "https://b.example.org"},
		{Name: "service-account-issuer", Value: "https://a.example.org"},
	}
	mode := apiServerOnNode()
	mode.Extra = []component.Flag{{Name: "authorization-mode", Value: "Node,RBAC,Webhook"}}
	noPods := managerOnNode()
	noPods.PodSubnet, noPods.ExternalCA, noPods.ClusterName, noPods.Port = "", true, "", 20257
	verbose := schedulerOnNode()
	verbose.Port = 20259
	verbose.Extra = []component.Flag{{Name: "v", Value: "4"}, {Name: "leader-elect", Value: "false"}}
	for name, args := range map[string][]string{
		"apiserver":                      apiServerOnNode().args(),
		"apiserver_external_etcd":        external.args(),
		"apiserver_authorization_config": authorized.args(),
		"apiserver_authorization_mode":   mode.args(),
		"manager":                        managerOnNode().args(),
		"manager_external_ca":            noPods.args(),
		"scheduler":                      schedulerOnNode().args(),
		"scheduler_extra":                verbose.args(),
	} {
		t.Run(name, func(t *testing.T) {
			phasetest.Golden(t, "args/"+name+".txt", strings.Join(args, "\n")+"\n")
		})
	}
}
