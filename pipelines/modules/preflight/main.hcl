# The checks of a host, before anything is changed on it.

variable "role" {
  type        = string
  description = "init, join or join-control-plane."
}

variable "node" {
  type        = any
  description = "The node, from preflight.node: name, advertise_address, cri_socket."
}

variable "config" {
  type        = any
  description = "The configuration of the cluster: local.config of config/cluster.hcl."
}

variable "api_server" {
  type        = string
  description = "host:port of the API server. Default: that of this node."
  default     = ""
}

variable "shared_certs" {
  type        = bool
  description = "Whether the files that control-plane nodes share come from the cluster, so that those for an external etcd need not be there yet."
  default     = false
}

variable "ignore" {
  type    = list(string)
  default = []
}

variable "pause_tag" {
  type        = string
  description = "Tag of the image with which the container runtime should start pods, as in module images."
  default     = "3.10.2"
}

# What is not known of the cluster, as on a node that joins, is not compared with.
locals {
  kubelet  = try(yamldecode(var.config.kubelet_configuration), {})
  proxy    = try(yamldecode(var.config.kube_proxy_configuration), {})
  external = try(var.config.external_etcd, null)
}

phase "preflight.host" "host" {
  role               = var.role
  ignore             = var.ignore
  kubernetes_version = try(var.config.kubernetes_version, null)
  node_name          = var.node.name
  api_server         = coalesce(var.api_server, hostport(var.node.advertise_address, var.config.bind_port))
  api_port           = var.config.bind_port
  pod_subnets        = compact(split(",", try(var.config.pod_subnet, "")))
  service_subnets    = compact(split(",", try(var.config.service_subnet, "")))
  kube_proxy_mode    = try(coalesce(try(var.config.kube_proxy.mode, null), try(local.proxy.mode, null)), null)

  cri_socket     = try(var.node.cri_socket, null)
  pause_image    = try("${var.config.image_repository}/pause:${var.pause_tag}", null)
  cgroup_driver  = try(local.kubelet.cgroupDriver, "systemd")
  fail_swap_on   = try(local.kubelet.failSwapOn, true)
  fail_cgroup_v1 = try(local.kubelet.failCgroupV1, true)

  etcd_data_dir  = local.external == null ? try(var.config.etcd.data_dir, null) : ""
  etcd_endpoints = local.external == null ? [] : local.external.endpoints
  etcd_ca        = var.shared_certs ? null : try(local.external.ca_file, null)
  etcd_cert      = var.shared_certs ? null : try(local.external.cert_file, null)
  etcd_key       = var.shared_certs ? null : try(local.external.key_file, null)
}
