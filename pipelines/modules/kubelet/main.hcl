# The kubelet's files, and the kubelet running with them. It needs nothing but its kubeconfig: static pods may come later.

variable "kubeconfig" {
  type        = string
  description = "Path of the kubelet's kubeconfig."
}

variable "node" {
  type = object({ name = string, cri_socket = string })
}

variable "config" {
  type = object({
    cert_dir              = optional(string, "/etc/kubernetes/pki")
    service_subnet        = optional(string, "10.96.0.0/12")
    dns_domain            = optional(string, "cluster.local")
    kubelet_configuration = optional(string, "")
    timeouts              = optional(object({ kubelet = optional(string, "4m") }), {})
  })
}

variable "extra_args" {
  type    = list(object({ name = string, value = string }))
  default = []
}

variable "taints" {
  type        = list(object({ key = string, value = optional(string, ""), effect = string }))
  description = "Taints that the kubelet registers its node with: those of a worker."
  default     = []
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
  taints         = var.taints
  patches_dir    = var.patches_dir
}

phase "kubelet.start" "start" {
  config     = phase.config.config
  flags      = phase.config.flags
  kubeconfig = var.kubeconfig
  within     = var.config.timeouts.kubelet
}

output "configuration" {
  description = "The KubeletConfiguration for all nodes, in YAML."
  value       = phase.config.configuration
}

output "healthz" {
  value = phase.start.healthz
}
