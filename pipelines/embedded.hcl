# A real Kubernetes control plane as local processes under one directory: no root, no containers, no kubelet.
# The certificates, kubeconfigs, uploads, tokens and addons are those of a host; only the phases that place
# components differ.
#
#   clusterflow apply pipelines/embedded.hcl

variable "dir" {
  type        = string
  description = "Where the cluster lives. Undo removes it."
  default     = ".clusterflow/cluster"
}

variable "binaries" {
  type        = string
  description = "Directory of etcd, kube-apiserver, kube-controller-manager and kube-scheduler; `make kube` fills it."
  default     = "bin/kube"
}

variable "kubernetes_version" {
  type    = string
  default = "v1.36.3"
}

variable "node_name" {
  type        = string
  description = "Name in the certificates and of the etcd member."
  default     = "embedded"
}

variable "address" {
  type        = string
  description = "Loopback address to listen on."
  default     = "127.0.0.1"
}

variable "service_subnet" {
  type    = string
  default = "10.96.0.0/12"
}

variable "pod_subnet" {
  type    = string
  default = "10.244.0.0/16"
}

variable "token_ttl" {
  type    = string
  default = "24h"
}

locals {
  dir      = abspath(var.dir)
  binaries = abspath(var.binaries)
  programs = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"]
  endpoint = "${var.address}:${phase.ports.ports.apiserver}"
}

phase "preflight.host" "preflight" {
  role      = "embedded"
  binaries  = [for program in local.programs : "${local.binaries}/${program}"]
  directory = local.dir
}

# The ports that Kubernetes uses by default, or free ones where those are taken.
phase "core.ports" "ports" {
  address = var.address
  prefer = {
    apiserver          = 6443
    etcd_client        = 2379
    etcd_peer          = 2380
    etcd_metrics       = 2381
    controller_manager = 10257
    scheduler          = 10259
  }
}

phase "core.dir" "home" {
  path       = local.dir
  mode       = "0700"
  depends_on = [phase.preflight]
}

phase "core.dir" "logs" {
  path = "${phase.home.path}/logs"
}

module "certs" {
  source            = "./modules/certs"
  dir               = "${phase.home.path}/pki"
  node_name         = var.node_name
  advertise_address = var.address
  service_subnet    = var.service_subnet
}

module "kubeconfig" {
  source         = "./modules/kubeconfig"
  dir            = phase.home.path
  ca             = module.certs.ca
  endpoint       = "https://${local.endpoint}"
  local_endpoint = "https://${local.endpoint}"
}

module "etcd" {
  source   = "./modules/etcd-process"
  binary   = "${local.binaries}/etcd"
  name     = var.node_name
  address  = var.address
  data_dir = "${phase.home.path}/etcd-data"
  log_file = "${phase.logs.path}/etcd.log"
  ports = {
    client  = phase.ports.ports.etcd_client
    peer    = phase.ports.ports.etcd_peer
    metrics = phase.ports.ports.etcd_metrics
  }
  ca          = module.certs.etcd_ca
  server      = module.certs.leaves["etcd/server"]
  peer        = module.certs.leaves["etcd/peer"]
  client      = module.certs.leaves["apiserver-etcd-client"]
  healthcheck = module.certs.leaves["etcd/healthcheck-client"]
}

module "control_plane" {
  source         = "./modules/control-plane-process"
  binaries       = local.binaries
  log_dir        = phase.logs.path
  address        = var.address
  cert_dir       = "${phase.home.path}/pki"
  etcd           = module.etcd.client
  service_subnet = var.service_subnet
  pod_subnet     = var.pod_subnet
  depends_on     = [module.certs]
  ports = {
    apiserver          = phase.ports.ports.apiserver
    controller_manager = phase.ports.ports.controller_manager
    scheduler          = phase.ports.ports.scheduler
  }
  kubeconfigs = {
    controller_manager = module.kubeconfig.controller_manager
    scheduler          = module.kubeconfig.scheduler
  }
  extra_args = {
    apiserver = [{ name = "bind-address", value = var.address }]
  }
}

module "cluster" {
  source                 = "./modules/cluster"
  kubeconfig             = module.kubeconfig.admin
  super_admin_kubeconfig = module.kubeconfig.super_admin
  components             = module.control_plane.components
  kubernetes_version     = var.kubernetes_version
  control_plane_endpoint = local.endpoint
  cert_dir               = "${phase.home.path}/pki"
  etcd_data_dir          = "${phase.home.path}/etcd-data"
  service_subnet         = var.service_subnet
  pod_subnet             = var.pod_subnet
  token_ttl              = var.token_ttl
}

module "addons" {
  source                 = "./modules/addons"
  cluster                = module.cluster.cluster
  kubernetes_version     = var.kubernetes_version
  control_plane_endpoint = local.endpoint
  service_subnet         = var.service_subnet
  pod_subnet             = var.pod_subnet
}

output "kubeconfig" {
  description = "Kubeconfig of the administrator"
  value       = module.kubeconfig.admin
}

output "join_command" {
  description = "Join another node with clusterflow"
  sensitive   = true
  reveal      = true
  value = join(" ", [
    "CLUSTERFLOW_VAR_token=${module.cluster.join.token}",
    "clusterflow apply join.hcl --var endpoint=${module.cluster.join.endpoint}",
    "--var discovery_token_ca_cert_hash=${module.cluster.join.ca_pins[0]}",
  ])
}

output "kubeadm_join_command" {
  description = "Join another node with kubeadm"
  sensitive   = true
  reveal      = true
  value = join(" ", concat(
    ["kubeadm join ${module.cluster.join.endpoint} --token ${module.cluster.join.token}"],
    [for pin in module.cluster.join.ca_pins : "--discovery-token-ca-cert-hash ${pin}"],
  ))
}

output "next" {
  description = "Try it"
  value       = <<-EOT
    bin/kube/kubectl --kubeconfig ${module.kubeconfig.admin} get --raw /readyz
    bin/kube/kubectl --kubeconfig ${module.kubeconfig.admin} get cm -n kube-public cluster-info -o yaml
    bin/kube/kubectl --kubeconfig ${module.kubeconfig.admin} get clusterrolebindings
  EOT
}
