# The images of a control plane, each pulled by a phase of its own, so that what starts from one waits for that one only.

variable "cri_socket" {
  type = string
}

variable "policy" {
  type        = string
  description = "Always, IfNotPresent or Never."
  default     = "IfNotPresent"
}

variable "config" {
  type = object({
    kubernetes_version = string
    image_repository   = optional(string, "registry.k8s.io")
    etcd               = optional(object({ image_repository = optional(string), image_tag = optional(string, "3.6.8-0") }), {})
    external_etcd      = optional(object({ endpoints = list(string) }))
    coredns            = optional(object({ enabled = optional(bool, true), image_repository = optional(string), image_tag = optional(string, "v1.14.2") }), {})
    kube_proxy         = optional(object({ enabled = optional(bool, true) }), {})
    pause_tag          = optional(string, "3.10.2")
  })
}

locals {
  repository = var.config.image_repository
  # The one image that is not directly under its repository, unless that is a mirror.
  coredns = coalesce(var.config.coredns.image_repository, local.repository == "registry.k8s.io" ? "registry.k8s.io/coredns" : local.repository)

  images = merge(
    { for name in ["kube-apiserver", "kube-controller-manager", "kube-scheduler"] : name => "${local.repository}/${name}:${var.config.kubernetes_version}" },
    { pause = "${local.repository}/pause:${var.config.pause_tag}" },
    var.config.kube_proxy.enabled ? { kube-proxy = "${local.repository}/kube-proxy:${var.config.kubernetes_version}" } : {},
    var.config.coredns.enabled ? { coredns = "${local.coredns}/coredns:${var.config.coredns.image_tag}" } : {},
    var.config.external_etcd == null ? { etcd = "${coalesce(var.config.etcd.image_repository, local.repository)}/etcd:${var.config.etcd.image_tag}" } : {},
  )
}

pool "pull" {
  slots = 4
}

phase "preflight.image" "image" {
  for_each   = local.images
  image      = each.value
  cri_socket = var.cri_socket
  policy     = var.policy
  pool       = "pull"

  retry {
    attempts = 5
    backoff  = "1s..10s"
  }
}

output "names" {
  description = "Images by component, once they are there."
  value       = { for name, image in phase.image : name => image.image }
}
