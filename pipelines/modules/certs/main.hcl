# Three CAs, the leaf certificates that they sign, and the key pair of service accounts.
# Each is a phase of its own, so that all of one CA are made at once.

variable "dir" {
  type        = string
  description = "Directory for the certificates, kubeadm's certificatesDir."
}

variable "node_name" {
  type        = string
  description = "Name of the node, a SAN of the API server and of etcd."
}

variable "advertise_address" {
  type        = string
  description = "IP address on which the API server and etcd are reached."
}

variable "service_subnet" {
  type        = string
  description = "CIDR of services. Its first address is a SAN of the API server."
}

variable "dns_domain" {
  type    = string
  default = "cluster.local"
}

variable "apiserver_extra_sans" {
  type        = list(string)
  description = "Further names and addresses of the API server, such as a load balancer."
  default     = []
}

variable "etcd_extra_sans" {
  type    = list(string)
  default = []
}

variable "algorithm" {
  type        = string
  description = "Algorithm and size of all keys."
  default     = "RSA-2048"
}

variable "ca_validity" {
  type    = string
  default = "87600h"
}

variable "validity" {
  type    = string
  default = "8760h"
}

locals {
  cas = {
    "ca"             = "kubernetes"
    "front-proxy-ca" = "front-proxy-ca"
    "etcd/ca"        = "etcd-ca"
  }

  apiserver_sans = concat([
    var.node_name,
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.${var.dns_domain}",
    cidrhost(split(",", var.service_subnet)[0], 1),
    var.advertise_address,
  ], var.apiserver_extra_sans)

  etcd_sans = concat([var.node_name, "localhost", var.advertise_address, "127.0.0.1", "::1"], var.etcd_extra_sans)

  leaves = {
    "apiserver" = {
      ca = "ca", name = "kube-apiserver", usages = ["server"], sans = local.apiserver_sans
    }
    "apiserver-kubelet-client" = {
      ca = "ca", name = "kube-apiserver-kubelet-client", usages = ["client"], sans = []
    }
    "front-proxy-client" = {
      ca = "front-proxy-ca", name = "front-proxy-client", usages = ["client"], sans = []
    }
    "etcd/server" = {
      ca = "etcd/ca", name = var.node_name, usages = ["server", "client"], sans = local.etcd_sans
    }
    "etcd/peer" = {
      ca = "etcd/ca", name = var.node_name, usages = ["server", "client"], sans = local.etcd_sans
    }
    "etcd/healthcheck-client" = {
      ca = "etcd/ca", name = "kube-etcd-healthcheck-client", usages = ["client"], sans = []
    }
    "apiserver-etcd-client" = {
      ca = "etcd/ca", name = "kube-apiserver-etcd-client", usages = ["client"], sans = []
    }
  }
}

phase "core.dir" "dir" {
  path = var.dir
}

phase "core.dir" "etcd_dir" {
  path = "${phase.dir.path}/etcd"
}

phase "pki.ca" "ca" {
  for_each    = local.cas
  dir         = var.dir
  base        = each.key
  common_name = each.value
  algorithm   = var.algorithm
  validity    = var.ca_validity
  depends_on  = [phase.etcd_dir]
}

phase "pki.cert" "leaf" {
  for_each    = local.leaves
  dir         = var.dir
  base        = each.key
  ca          = { cert = phase.ca[each.value.ca].cert, key = phase.ca[each.value.ca].key }
  common_name = each.value.name
  usages      = each.value.usages
  sans        = each.value.sans
  algorithm   = var.algorithm
  validity    = var.validity
}

phase "pki.keypair" "sa" {
  dir  = phase.dir.path
  base = "sa"
}

output "ca" {
  description = "The cluster's CA: cert and key paths, and pin, the hash that joining nodes check."
  value       = phase.ca["ca"]
}

output "etcd_ca" {
  value = phase.ca["etcd/ca"]
}

output "leaves" {
  description = "Paths of every leaf certificate and key, by kubeadm's names."
  value       = phase.leaf
}

output "service_account" {
  value = phase.sa
}
