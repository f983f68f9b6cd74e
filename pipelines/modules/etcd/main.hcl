# The etcd of a control-plane node, as a static pod.

variable "image" {
  type        = string
  description = "From module images, so that it is there."
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

variable "initial_cluster" {
  type        = list(object({ name = string, peer_url = string }))
  description = "All members, this one included, when it joins an etcd that there is. Empty: it is the first."
  default     = []
}

phase "etcd.member" "member" {
  name            = var.node.name
  address         = var.node.advertise_address
  data_dir        = var.config.etcd.data_dir
  image           = var.image
  extra_args      = var.config.etcd.extra_args
  extra_env       = var.config.etcd.extra_envs
  initial_cluster = var.initial_cluster
  startup_timeout = var.config.timeouts.control_plane
  patches_dir     = var.patches_dir

  certs = {
    ca          = var.ca.cert
    server_cert = var.leaves["etcd/server"].cert
    server_key  = var.leaves["etcd/server"].key
    peer_cert   = var.leaves["etcd/peer"].cert
    peer_key    = var.leaves["etcd/peer"].key
  }
  client      = { cert = var.leaves["apiserver-etcd-client"].cert, key = var.leaves["apiserver-etcd-client"].key }
  healthcheck = { cert = var.leaves["etcd/healthcheck-client"].cert, key = var.leaves["etcd/healthcheck-client"].key }
}

output "client" {
  description = "Where etcd is and what to show to it: endpoints, ca_file, cert_file, key_file."
  value       = phase.member.client
}

output "component" {
  description = "Its health, for controlplane.wait."
  value       = { name = "etcd", url = phase.member.healthz }
}

output "pod" {
  description = "The pod that should run, for controlplane.wait."
  value       = phase.member.pod
}
