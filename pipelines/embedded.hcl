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
  node     = { name = var.node_name, advertise_address = var.address }

  # What config/cluster.hcl is to a host.
  config = {
    kubernetes_version        = var.kubernetes_version
    cluster_name              = "kubernetes"
    control_plane_endpoint    = local.endpoint
    control_plane_host        = ""
    bind_port                 = phase.ports.ports.apiserver
    cert_dir                  = "${phase.home.path}/pki"
    image_repository          = "registry.k8s.io"
    service_subnet            = var.service_subnet
    pod_subnet                = var.pod_subnet
    dns_domain                = "cluster.local"
    apiserver_cert_extra_sans = []
    key_algorithm             = "RSA-2048"
    certificate_validity      = "8760h"
    ca_certificate_validity   = "87600h"
    feature_gates             = {}
    etcd                      = { data_dir = "${phase.home.path}/etcd-data", server_cert_sans = [], peer_cert_sans = [] }
    external_etcd             = null
    apiserver                 = {}
    controller_manager        = {}
    scheduler                 = {}
    coredns                   = { enabled = true, image_repository = null, image_tag = "v1.14.2", replicas = null }
    kube_proxy                = { enabled = true, mode = null }
    kube_proxy_configuration  = ""
  }
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
  source = "./modules/certs"
  node   = local.node
  config = local.config
}

module "kubeconfig" {
  source = "./modules/kubeconfig"
  dir    = phase.home.path
  ca     = module.certs.ca
  names  = ["admin", "super-admin", "controller-manager", "scheduler"]
  node   = local.node
  config = local.config
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
    controller_manager = module.kubeconfig.files["controller-manager"]
    scheduler          = module.kubeconfig.files["scheduler"]
  }
  extra_args = {
    apiserver = [{ name = "bind-address", value = var.address }]
  }
}

phase "controlplane.wait" "wait_control_plane" {
  kubeconfig             = module.kubeconfig.files["admin"]
  super_admin_kubeconfig = module.kubeconfig.files["super-admin"]
  components             = module.control_plane.components
}

module "upload_config" {
  source  = "./modules/upload-config"
  cluster = phase.wait_control_plane.cluster
  config  = local.config
}

module "bootstrap_token" {
  source             = "./modules/bootstrap-token"
  cluster            = phase.wait_control_plane.cluster
  tokens             = [{ ttl = var.token_ttl }]
  wait_for_signature = true
}

module "addons" {
  source  = "./modules/addons"
  cluster = phase.wait_control_plane.cluster
  node    = local.node
  config  = local.config
}

output "kubeconfig" {
  description = "Kubeconfig of the administrator"
  value       = module.kubeconfig.files["admin"]
}

output "join_command" {
  description = "Join another node with clusterflow"
  sensitive   = true
  reveal      = true
  value       = module.bootstrap_token.join_command
}

output "kubeadm_join_command" {
  description = "Join another node with kubeadm"
  sensitive   = true
  reveal      = true
  value       = module.bootstrap_token.kubeadm_join_command
}

output "next" {
  description = "Try it"
  value       = <<-EOT
    bin/kube/kubectl --kubeconfig ${module.kubeconfig.files["admin"]} get --raw /readyz
    bin/kube/kubectl --kubeconfig ${module.kubeconfig.files["admin"]} get cm -n kube-public cluster-info -o yaml
    bin/kube/kubectl --kubeconfig ${module.kubeconfig.files["admin"]} get clusterrolebindings
  EOT
}
