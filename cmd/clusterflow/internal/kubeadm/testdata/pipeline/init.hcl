# Stands in for the variables of the pipeline init.hcl.

variable "kubernetes_version" { type = string }
variable "cluster_name" { type = string }
variable "node_name" { type = string }
variable "advertise_address" { type = string }
variable "bind_port" { type = number }
variable "control_plane_endpoint" { type = string }
variable "cert_dir" { type = string }
variable "image_repository" { type = string }
variable "service_subnet" { type = string }
variable "pod_subnet" { type = string }
variable "dns_domain" { type = string }
variable "apiserver_cert_extra_sans" { type = list(string) }
variable "key_algorithm" { type = string }
variable "certificate_validity" { type = string }
variable "ca_certificate_validity" { type = string }
variable "etcd" {
  type = object({
    data_dir         = optional(string)
    image_repository = optional(string)
    image_tag        = optional(string)
    extra_args       = optional(list(object({ name = string, value = string })))
    extra_envs       = optional(list(object({ name = string, value = string })))
    server_cert_sans = optional(list(string))
    peer_cert_sans   = optional(list(string))
  })
}
variable "external_etcd" {
  type = object({
    endpoints      = list(string)
    http_endpoints = optional(list(string))
    ca_file        = optional(string)
    cert_file      = optional(string)
    key_file       = optional(string)
  })
}
variable "apiserver" {
  type = object({
    extra_args = optional(list(object({ name = string, value = string })))
    extra_envs = optional(list(object({ name = string, value = string })))
    extra_volumes = optional(list(object({
      name = string, host_path = string, mount_path = string, read_only = optional(bool), path_type = optional(string)
    })))
  })
}
variable "controller_manager" {
  type = object({
    extra_args = optional(list(object({ name = string, value = string })))
    extra_envs = optional(list(object({ name = string, value = string })))
    extra_volumes = optional(list(object({
      name = string, host_path = string, mount_path = string, read_only = optional(bool), path_type = optional(string)
    })))
  })
}
variable "scheduler" {
  type = object({
    extra_args = optional(list(object({ name = string, value = string })))
    extra_envs = optional(list(object({ name = string, value = string })))
    extra_volumes = optional(list(object({
      name = string, host_path = string, mount_path = string, read_only = optional(bool), path_type = optional(string)
    })))
  })
}
variable "coredns" {
  type = object({ enabled = optional(bool), image_repository = optional(string), image_tag = optional(string), replicas = optional(number) })
}
variable "kube_proxy" {
  type = object({ enabled = optional(bool), mode = optional(string) })
}
variable "feature_gates" { type = map(bool) }
variable "patches_dir" { type = string }
variable "cri_socket" { type = string }
variable "taints" { type = list(object({ key = string, value = optional(string), effect = string })) }
variable "node_labels" { type = map(string) }
variable "node_annotations" { type = map(string) }
variable "kubelet_extra_args" { type = list(object({ name = string, value = string })) }
variable "image_pull_policy" { type = string }
variable "image_pull_serial" { type = bool }
variable "ignore_preflight_errors" { type = list(string) }
variable "upload_certs" { type = bool }
variable "certificate_key" {
  type      = string
  sensitive = true
}
variable "bootstrap_tokens" {
  type = list(object({
    token       = optional(string)
    ttl         = optional(string)
    description = optional(string)
    usages      = optional(list(string))
    groups      = optional(list(string))
  }))
  sensitive = true
}
variable "kubelet_configuration" { type = string }
variable "kube_proxy_configuration" { type = string }
variable "timeouts" {
  type = object({
    control_plane  = optional(string)
    kubelet        = optional(string)
    kubernetes_api = optional(string)
    etcd_api       = optional(string)
    tls_bootstrap  = optional(string)
    discovery      = optional(string)
  })
}
