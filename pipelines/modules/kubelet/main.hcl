# The kubelet's files, and the kubelet running with them. It needs nothing but its kubeconfig: static pods may come later.

variable "kubeconfig" {
  type        = string
  description = "Path of the kubelet's kubeconfig."
}

variable "node" {
  type        = any
  description = "The node, from preflight.node: name, advertise_address, cri_socket."
}

variable "config" {
  type        = any
  description = "The configuration of the cluster: local.config of config/cluster.hcl."
}

variable "extra_args" {
  type    = list(object({ name = string, value = string }))
  default = []
}

variable "patches_dir" {
  type    = string
  default = ""
}

phase "kubelet.config" "config" {
  node_name      = var.node.name
  cri_socket     = var.node.cri_socket
  service_subnet = var.config.service_subnet
  dns_domain     = var.config.dns_domain
  cert_dir       = var.config.cert_dir
  configuration  = var.config.kubelet_configuration
  extra_args     = var.extra_args
  patches_dir    = var.patches_dir
}

phase "kubelet.start" "start" {
  config     = phase.config.config
  flags      = phase.config.flags
  kubeconfig = var.kubeconfig
  within     = var.config.timeouts.kubelet
}

output "configuration" {
  description = "The KubeletConfiguration of all nodes, in YAML."
  value       = phase.config.configuration
}

output "healthz" {
  value = phase.start.healthz
}
