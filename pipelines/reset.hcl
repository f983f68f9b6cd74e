# Takes this host out of its cluster and removes what init or join made, whoever ran them: by the records of earlier runs
# where there are any, else by what is found on the host. See docs/reset.md.
#
#   clusterflow apply reset.hcl

state   = "node"
forget  = true
include = ["./config/node.hcl", "./config/cluster.hcl", "./config/reset.hcl"]

phase "kubelet.found" "found" {
  node_name     = var.node_name
  address       = var.advertise_address
  cri_socket    = var.cri_socket
  cert_dir      = var.cert_dir
  etcd_data_dir = var.etcd.data_dir
}

# The modules below are those of init.hcl and join.hcl, undone. What they need of each other is told by paths, because what
# is undone gives nothing.
locals {
  elsewhere = { endpoints = tolist([""]), http_endpoints = tolist([""]), ca_file = "", cert_file = "", key_file = "" }

  node = {
    name              = phase.found.node_name
    advertise_address = phase.found.address
    cri_socket        = phase.found.cri_socket
  }

  found_config = merge(local.config, {
    cert_dir      = phase.found.cert_dir
    etcd          = merge(var.etcd, { data_dir = phase.found.etcd_data_dir })
    external_etcd = var.external_etcd == null && phase.found.etcd_external ? local.elsewhere : var.external_etcd
  })

  pairs = { for name in ["ca", "etcd/ca", "etcd/server", "etcd/peer", "etcd/healthcheck-client", "apiserver-etcd-client"] :
    name => { cert = "${phase.found.cert_dir}/${name}.crt", key = "${phase.found.cert_dir}/${name}.key" }
  }
}

module "leave" {
  source            = "./modules/leave"
  node              = local.node
  found             = phase.found
  pairs             = local.pairs
  kubeconfig        = var.kubeconfig
  drain             = var.drain
  drain_timeout     = var.drain_timeout
  destroy_etcd_data = var.destroy_etcd_data
}

module "control_plane" {
  source      = "./modules/control-plane"
  direction   = "undo"
  images      = { for name in ["kube-apiserver", "kube-controller-manager", "kube-scheduler"] : name => name }
  etcd        = { endpoints = ["https://127.0.0.1:2379"], ca_file = "", cert_file = "", key_file = "" }
  kubeconfigs = { for name in ["controller-manager", "scheduler"] : name => "/etc/kubernetes/${name}.conf" }
  node        = local.node
  config      = local.found_config
  depends_on  = [module.stop]
}

module "stop" {
  source        = "./modules/stop"
  node          = local.node
  pod_grace     = var.pod_grace
  unmount_flags = var.unmount_flags
  depends_on    = [module.leave]
}

# Only then, because what is stopped takes no Lease again.
phase "controlplane.no_leader" "leader" {
  when       = phase.found.control_plane
  kubeconfig = var.kubeconfig
  depends_on = [module.stop]
}

# A control plane has left by then. The kubelet of a worker may register its Node until it is stopped.
phase "controlplane.no_node" "worker" {
  when       = phase.found.joined && !phase.found.control_plane
  kubeconfig = var.kubeconfig
  node       = phase.found.node_name
  depends_on = [module.stop]
}

phase "etcd.no_data" "etcd_data" {
  when       = var.destroy_etcd_data != ""
  data_dir   = phase.found.etcd_data_dir
  name       = phase.found.node_name
  confirm    = var.destroy_etcd_data
  depends_on = [module.stop]
}

module "etcd" {
  source     = "./modules/etcd"
  direction  = "undo"
  when       = local.found_config.external_etcd == null
  image      = "etcd"
  ca         = local.pairs["etcd/ca"]
  leaves     = local.pairs
  node       = local.node
  config     = local.found_config
  depends_on = [module.stop, phase.etcd_data]
}

module "kubelet" {
  source     = "./modules/kubelet"
  direction  = "undo"
  bootstrap  = { server = "https://127.0.0.1:6443", ca = "" }
  either_way = true
  node       = local.node
  config     = local.found_config
  depends_on = [module.stop, module.control_plane, module.etcd, phase.worker] # the directory of manifests may be the kubelet's
}

module "kubeconfig" {
  source     = "./modules/kubeconfig"
  direction  = "undo"
  ca         = local.pairs["ca"]
  node       = local.node
  config     = local.found_config
  depends_on = [module.control_plane, module.kubelet, phase.leader]
}

module "certs" {
  source     = "./modules/certs"
  direction  = "undo"
  node       = local.node
  config     = local.found_config
  depends_on = [module.etcd, module.kubeconfig]
}

# By its record alone: an authority that somebody brought is not deleted.
module "shared_certs" {
  source     = "./modules/shared-certs"
  direction  = "undo"
  cluster    = { kubeconfig = "/etc/kubernetes/admin.conf" }
  key        = "0000000000000000000000000000000000000000000000000000000000000000"
  config     = local.found_config
  depends_on = [module.certs]
}

phase "kubelet.no_network" "network" {
  config     = var.remove_cni_config
  depends_on = [module.stop]
}
