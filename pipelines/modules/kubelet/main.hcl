# The kubelet's files, and the kubelet running with them. It needs nothing but its kubeconfig, or what it takes to get one
# from a cluster: static pods may come later.

variable "kubeconfig" {
  type        = string
  description = "Path of the kubelet's kubeconfig."
  default     = "/etc/kubernetes/kubelet.conf"
}

variable "bootstrap" {
  type        = object({ server = string, via = optional(string, ""), ca = string, ca_file = optional(string, "") })
  description = "On a host that joins: the API server that the kubelet shall use, the one that gives it its certificate, the CA of the cluster, and where that goes, or empty if it is there. It gets its kubeconfig from there."
  default     = null
}

variable "either_way" {
  type        = bool
  description = "For undo: the kubelet may have been started with a kubeconfig as well as by bootstrap."
  default     = false
}

variable "token" {
  type        = string
  description = "Bootstrap token for that."
  default     = ""
  sensitive   = true
}

variable "taints" {
  type        = list(object({ key = string, value = optional(string, ""), effect = string }))
  description = "Taints with which the node registers."
  default     = []
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
  taints         = var.taints
  extra_args     = var.extra_args
  patches_dir    = var.patches_dir
}

phase "kubelet.start" "start" {
  when       = var.bootstrap == null || var.either_way
  config     = phase.config.config
  flags      = phase.config.flags
  kubeconfig = var.kubeconfig
  within     = var.config.timeouts.kubelet
}

phase "kubelet.bootstrap" "bootstrap" {
  when               = var.bootstrap != null
  server             = var.bootstrap.server
  via                = var.bootstrap.via
  ca                 = var.bootstrap.ca
  token              = var.token
  node_name          = phase.config.node_name
  cluster_name       = var.config.cluster_name
  ca_file            = var.bootstrap.ca_file
  kubeconfig         = var.kubeconfig
  client_certificate = phase.config.client_certificate
  config             = phase.config.config
  flags              = phase.config.flags
  healthz            = phase.config.healthz
  within             = var.config.timeouts.tls_bootstrap
}

output "kubeconfig" {
  description = "Path of the kubelet's kubeconfig, once it runs with it."
  value       = var.bootstrap == null ? var.kubeconfig : phase.bootstrap.kubeconfig
}

output "configuration" {
  description = "The KubeletConfiguration of all nodes, in YAML."
  value       = phase.config.configuration
}

output "healthz" {
  value = var.bootstrap == null ? phase.start.healthz : phase.bootstrap.healthz
}
