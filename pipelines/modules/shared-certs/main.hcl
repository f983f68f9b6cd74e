# The certificates that all control-plane nodes share, fetched from the cluster. It is a module so that reset undoes it.

variable "cluster" {
  type        = any
  description = "The cluster, from controlplane.discovery."
}

variable "token" {
  type        = string
  description = "Bootstrap token that may read them."
  default     = ""
  sensitive   = true
}

variable "key" {
  type        = string
  description = "The certificate key: 64 hex digits."
  sensitive   = true
}

variable "config" {
  type        = any
  description = "The configuration of the cluster: local.config of config/cluster.hcl."
}

phase "pki.download" "download" {
  cluster       = var.cluster
  token         = var.token
  key           = var.key
  cert_dir      = var.config.cert_dir
  external_etcd = var.config.external_etcd
}
