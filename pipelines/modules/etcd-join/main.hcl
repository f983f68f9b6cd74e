# The etcd of a host that joins a control plane: a learner, then a member that votes. Hosts that join at once take turns from
# the first phase to the last; nothing else needs that.

variable "image" {
  type        = string
  description = "From module images, so that it is there."
}

variable "kubeconfig" {
  type        = string
  description = "Path of the administrator's kubeconfig."
}

variable "ca" {
  type        = any
  description = "The CA of etcd."
}

variable "leaves" {
  type        = any
  description = "Certificates by kubeadm's names, from module certs."
}

variable "node" {
  type        = any
  description = "The node, from preflight.node: name, advertise_address, cri_socket."
}

variable "config" {
  type        = any
  description = "The configuration of the cluster: local.config of config/cluster.hcl."
}

variable "patches_dir" {
  type    = string
  default = ""
}

locals {
  healthcheck = { cert = var.leaves["etcd/healthcheck-client"].cert, key = var.leaves["etcd/healthcheck-client"].key }
}

phase "etcd.join" "join" {
  name     = var.node.name
  address  = var.node.advertise_address
  cluster  = { kubeconfig = var.kubeconfig }
  ca       = var.ca.cert
  client   = local.healthcheck
  data_dir = var.config.etcd.data_dir
  within   = var.config.timeouts.etcd_api
}

module "member" {
  source          = "../etcd"
  image           = var.image
  ca              = var.ca
  leaves          = var.leaves
  node            = var.node
  config          = var.config
  patches_dir     = var.patches_dir
  initial_cluster = phase.join.initial_cluster
}

phase "etcd.promote" "promote" {
  name       = var.node.name
  address    = var.node.advertise_address
  cluster    = { kubeconfig = var.kubeconfig }
  ca         = var.ca.cert
  client     = local.healthcheck
  cri_socket = var.node.cri_socket
  within     = var.config.timeouts.control_plane
  depends_on = [module.member]
}

output "client" {
  description = "Where etcd is and what to show to it: endpoints, ca_file, cert_file, key_file."
  value       = module.member.client
}

output "component" {
  description = "Its health, for controlplane.wait."
  value       = module.member.component
}

output "pod" {
  description = "The pod that should run, for controlplane.wait."
  value       = module.member.pod
}

output "member_id" {
  description = "Id of the member, once it votes."
  value       = phase.promote.member_id
}
