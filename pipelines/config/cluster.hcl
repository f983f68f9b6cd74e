# What a cluster is made of: kubeadm's ClusterConfiguration, as variables. `clusterflow import` fills them from a
# kubeadm configuration.

variable "kubernetes_version" {
  type    = string
  default = "v1.36.3"
}

variable "cluster_name" {
  type    = string
  default = "kubernetes"
}

variable "control_plane_endpoint" {
  type        = string
  description = "host:port on which all nodes reach the control plane: a load balancer or a DNS name. Needed for more than one control-plane node."
  default     = ""
}

variable "bind_port" {
  type        = number
  description = "Port of the API server."
  default     = 6443
}

variable "cert_dir" {
  type    = string
  default = "/etc/kubernetes/pki"
}

variable "image_repository" {
  type        = string
  description = "Where images come from: registry.k8s.io or a mirror of it."
  default     = "registry.k8s.io"
}

variable "service_subnet" {
  type        = string
  description = "CIDR of services; two, separated by a comma, for both families."
  default     = "10.96.0.0/12"
}

variable "pod_subnet" {
  type        = string
  description = "CIDR of pods, of which each node gets a part; two for both families. Empty: the network plugin decides."
  default     = ""
}

variable "dns_domain" {
  type    = string
  default = "cluster.local"
}

variable "apiserver_cert_extra_sans" {
  type        = list(string)
  description = "Further names and addresses for the certificate of the API server."
  default     = []
}

variable "key_algorithm" {
  type        = string
  description = "RSA-2048, RSA-3072, RSA-4096, ECDSA-P256 or ECDSA-P384."
  default     = "RSA-2048"
}

variable "certificate_validity" {
  type    = string
  default = "8760h"
}

variable "ca_certificate_validity" {
  type    = string
  default = "87600h"
}

variable "etcd" {
  type = object({
    data_dir         = optional(string, "/var/lib/etcd")
    image_repository = optional(string)
    image_tag        = optional(string)
    extra_args       = optional(list(object({ name = string, value = string })), [])
    extra_envs       = optional(list(object({ name = string, value = string })), [])
    server_cert_sans = optional(list(string), [])
    peer_cert_sans   = optional(list(string), [])
  })
  description = "The etcd on the control-plane nodes."
  default     = {}
}

variable "external_etcd" {
  type = object({
    endpoints      = list(string)
    http_endpoints = optional(list(string), [])
    ca_file        = optional(string, "")
    cert_file      = optional(string, "")
    key_file       = optional(string, "")
  })
  description = "An etcd that others run, instead of one on the control-plane nodes."
  default     = null
}

variable "apiserver" {
  type = object({
    extra_args    = optional(list(object({ name = string, value = string })), [])
    extra_envs    = optional(list(object({ name = string, value = string })), [])
    extra_volumes = optional(list(object({ name = string, host_path = string, mount_path = string, read_only = optional(bool, false), path_type = optional(string, "") })), [])
  })
  default = {}
}

variable "controller_manager" {
  type = object({
    extra_args    = optional(list(object({ name = string, value = string })), [])
    extra_envs    = optional(list(object({ name = string, value = string })), [])
    extra_volumes = optional(list(object({ name = string, host_path = string, mount_path = string, read_only = optional(bool, false), path_type = optional(string, "") })), [])
  })
  default = {}
}

variable "scheduler" {
  type = object({
    extra_args    = optional(list(object({ name = string, value = string })), [])
    extra_envs    = optional(list(object({ name = string, value = string })), [])
    extra_volumes = optional(list(object({ name = string, host_path = string, mount_path = string, read_only = optional(bool, false), path_type = optional(string, "") })), [])
  })
  default = {}
}

variable "coredns" {
  type = object({
    enabled          = optional(bool, true)
    image_repository = optional(string)
    image_tag        = optional(string)
    replicas         = optional(number)
  })
  default = {}
}

variable "kube_proxy" {
  type = object({
    enabled = optional(bool, true)
    mode    = optional(string)
  })
  description = "mode is iptables, ipvs or nftables; by default kube-proxy decides."
  default     = {}
}

variable "feature_gates" {
  type        = map(bool)
  description = "kubeadm's own feature gates."
  default     = {}
}

variable "kubelet_configuration" {
  type        = string
  description = "A KubeletConfiguration in YAML, for all nodes. What it leaves open is as kubeadm sets it."
  default     = ""
}

variable "kube_proxy_configuration" {
  type        = string
  description = "A KubeProxyConfiguration in YAML. What it leaves open is as kubeadm sets it."
  default     = ""
}

variable "audit_policy" {
  type = object({
    file    = optional(string, "")
    log_dir = optional(string, "/var/log/kubernetes/audit")
    max_age = optional(number, 2)
  })
  description = "Audit logs of the API server, by the policy in file or one that logs metadata. Default: none."
  default     = null
}

# The cluster as the modules take it: each picks what it needs.
locals {
  etcd_is_local = var.external_etcd == null
  external_etcd = var.external_etcd == null ? null : {
    endpoints = var.external_etcd.endpoints
    ca_file   = var.external_etcd.ca_file
    cert_file = var.external_etcd.cert_file
    key_file  = var.external_etcd.key_file
  }

  control_plane_labels = {
    "node-role.kubernetes.io/control-plane"                   = ""
    "node.kubernetes.io/exclude-from-external-load-balancers" = ""
  }

  control_plane_host     = regexreplace(var.control_plane_endpoint, "^\\[(.*)\\](:[0-9]+)?$|^([^:]*):[0-9]+$", "$1$3")
  control_plane_endpoint = var.control_plane_endpoint == "" || can(regex("^(\\[.*\\]|[^:]*):[0-9]+$", var.control_plane_endpoint)) ? var.control_plane_endpoint : hostport(var.control_plane_endpoint, var.bind_port)

  config = {
    kubernetes_version        = var.kubernetes_version
    cluster_name              = var.cluster_name
    control_plane_endpoint    = local.control_plane_endpoint
    control_plane_host        = local.control_plane_host
    bind_port                 = var.bind_port
    cert_dir                  = var.cert_dir
    image_repository          = var.image_repository
    service_subnet            = var.service_subnet
    pod_subnet                = var.pod_subnet
    dns_domain                = var.dns_domain
    apiserver_cert_extra_sans = var.apiserver_cert_extra_sans
    key_algorithm             = var.key_algorithm
    certificate_validity      = var.certificate_validity
    ca_certificate_validity   = var.ca_certificate_validity
    etcd                      = var.etcd
    external_etcd             = var.external_etcd
    apiserver                 = var.apiserver
    controller_manager        = var.controller_manager
    scheduler                 = var.scheduler
    coredns                   = var.coredns
    kube_proxy                = var.kube_proxy
    kube_proxy_configuration  = var.kube_proxy_configuration
    kubelet_configuration     = var.kubelet_configuration
    feature_gates             = var.feature_gates
    audit_policy              = var.audit_policy
    timeouts                  = var.timeouts
  }
}
