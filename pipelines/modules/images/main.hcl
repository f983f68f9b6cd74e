# The images of a control plane, each pulled by a phase of its own, so that what starts from one waits for that one only.

variable "cri_socket" {
  type = string
}

variable "policy" {
  type        = string
  description = "Always, IfNotPresent or Never."
  default     = "IfNotPresent"
}

variable "serial" {
  type        = bool
  description = "Pull one image at a time, not four."
  default     = false
}

# Tags of what does not have the version of Kubernetes, for v1.36, unless the configuration names others.
variable "coredns_tag" {
  type    = string
  default = "v1.14.2"
}

variable "etcd_tag" {
  type    = string
  default = "3.6.8-0"
}

variable "pause_tag" {
  type    = string
  default = "3.10.2"
}

variable "config" {
  type        = any
  description = "The configuration of the cluster: local.config of config/cluster.hcl."
}

locals {
  repository = var.config.image_repository
  dns        = coalesce(var.config.coredns.image_repository, local.repository)

  images = {
    kube-apiserver          = { name = "${local.repository}/kube-apiserver:${var.config.kubernetes_version}", wanted = true }
    kube-controller-manager = { name = "${local.repository}/kube-controller-manager:${var.config.kubernetes_version}", wanted = true }
    kube-scheduler          = { name = "${local.repository}/kube-scheduler:${var.config.kubernetes_version}", wanted = true }
    kube-proxy              = { name = "${local.repository}/kube-proxy:${var.config.kubernetes_version}", wanted = var.config.kube_proxy.enabled }
    coredns                 = { name = "${local.dns == "registry.k8s.io" ? "registry.k8s.io/coredns" : local.dns}/coredns:${coalesce(var.config.coredns.image_tag, var.coredns_tag)}", wanted = var.config.coredns.enabled }
    pause                   = { name = "${local.repository}/pause:${var.pause_tag}", wanted = true }
    etcd                    = { name = "${coalesce(var.config.etcd.image_repository, local.repository)}/etcd:${coalesce(var.config.etcd.image_tag, var.etcd_tag)}", wanted = var.config.external_etcd == null }
  }
}

pool "pull" {
  slots = 4
}

pool "pull_serial" {
  slots = 1
}

phase "preflight.image" "image" {
  for_each   = local.images
  when       = each.value.wanted
  image      = each.value.name
  cri_socket = var.cri_socket
  policy     = var.policy
  pool       = var.serial ? "pull_serial" : "pull"

  retry {
    attempts = 5
    backoff  = "1s..10s"
  }
}

output "names" {
  description = "Images by component, once they are there; null for those that are not wanted."
  value       = { for name, image in phase.image : name => image.image }
}
