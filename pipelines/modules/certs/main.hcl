# Three CAs, the leaf certificates that they sign, and the key pair of service accounts.
# Each is a phase of its own, so that all of one CA are made at once.

variable "node" {
  type        = any
  description = "The node, from preflight.node: name, advertise_address, cri_socket."
}

variable "config" {
  type        = any
  description = "The configuration of the cluster: local.config of config/cluster.hcl."
}

variable "existing" {
  type        = bool
  description = "Whether CAs and the key pair of service accounts must be there: on a host that joins a control plane."
  default     = false
}

locals {
  cas = {
    "ca"             = "kubernetes"
    "front-proxy-ca" = "front-proxy-ca"
    "etcd/ca"        = "etcd-ca"
  }

  etcd_is_local = var.config.external_etcd == null

  apiserver_sans = concat([
    var.node.name,
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.${var.config.dns_domain}",
    cidrhost(split(",", var.config.service_subnet)[0], 1),
    var.node.advertise_address,
  ], compact([var.config.control_plane_host]), var.config.apiserver_cert_extra_sans)

  etcd_sans = [var.node.name, "localhost", var.node.advertise_address, "127.0.0.1", "::1"]

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
      ca = "etcd/ca", name = var.node.name, usages = ["server", "client"], sans = concat(local.etcd_sans, var.config.etcd.server_cert_sans)
    }
    "etcd/peer" = {
      ca = "etcd/ca", name = var.node.name, usages = ["server", "client"], sans = concat(local.etcd_sans, var.config.etcd.peer_cert_sans)
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
  path     = var.config.cert_dir
  contents = "warn"
}

phase "core.dir" "etcd_dir" {
  when     = local.etcd_is_local
  path     = "${phase.dir.path}/etcd"
  contents = "warn"
}

phase "pki.ca" "ca" {
  for_each    = local.cas
  when        = local.etcd_is_local || each.key != "etcd/ca"
  dir         = var.config.cert_dir
  base        = each.key
  common_name = each.value
  algorithm   = var.config.key_algorithm
  validity    = var.config.ca_certificate_validity
  existing    = var.existing
  depends_on  = [phase.etcd_dir]
}

phase "pki.cert" "leaf" {
  for_each    = local.leaves
  when        = local.etcd_is_local || each.value.ca != "etcd/ca"
  dir         = var.config.cert_dir
  base        = each.key
  ca          = { cert = phase.ca[each.value.ca].cert, key = phase.ca[each.value.ca].key }
  common_name = each.value.name
  usages      = each.value.usages
  sans        = each.value.sans
  algorithm   = var.config.key_algorithm
  validity    = var.config.certificate_validity
}

phase "pki.keypair" "sa" {
  dir       = phase.dir.path
  base      = "sa"
  algorithm = var.config.key_algorithm
  existing  = var.existing
}

output "ca" {
  description = "The cluster's CA: cert and key paths, and pin, the hash that joining nodes check."
  value       = phase.ca["ca"]
}

output "etcd_ca" {
  value = phase.ca["etcd/ca"]
}

output "leaves" {
  description = "Paths of every leaf certificate and key, by kubeadm's names; null where etcd is elsewhere."
  value       = phase.leaf
}

output "service_account" {
  value = phase.sa
}
