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

variable "ignore" {
  type    = list(string)
  default = []
}

phase "preflight.host" "host" {
  role            = var.role
  ignore          = var.ignore
  node_name       = var.node.name
  api_server      = coalesce(var.api_server, "${var.node.advertise_address}:${var.config.bind_port}")
  api_port        = var.config.bind_port
  pod_subnets     = compact(split(",", var.config.pod_subnet))
  service_subnets = compact(split(",", var.config.service_subnet))
  etcd_data_dir   = var.config.external_etcd == null ? var.config.etcd.data_dir : ""
}
