# The kubeconfigs of the administrator and of the components, each with a client certificate of its own.

variable "dir" {
  type        = string
  description = "Directory for the files, /etc/kubernetes with kubeadm."
}

variable "ca" {
  type        = object({ cert = string, key = string })
  description = "The cluster's CA."
}

variable "endpoint" {
  type        = string
  description = "URL of the control plane, for people and other nodes."
}

variable "local_endpoint" {
  type        = string
  description = "URL of this node's API server, for its own components."
}

variable "cluster_name" {
  type    = string
  default = "kubernetes"
}

variable "algorithm" {
  type    = string
  default = "RSA-2048"
}

variable "validity" {
  type    = string
  default = "8760h"
}

locals {
  files = {
    "admin"              = { user = "kubernetes-admin", groups = ["kubeadm:cluster-admins"], server = var.endpoint }
    "super-admin"        = { user = "kubernetes-super-admin", groups = ["system:masters"], server = var.endpoint }
    "controller-manager" = { user = "system:kube-controller-manager", groups = [], server = var.local_endpoint }
    "scheduler"          = { user = "system:kube-scheduler", groups = [], server = var.local_endpoint }
  }
}

phase "pki.kubeconfig" "file" {
  for_each      = local.files
  path          = "${var.dir}/${each.key}.conf"
  ca            = var.ca
  server        = each.value.server
  cluster_name  = var.cluster_name
  user          = each.value.user
  organizations = each.value.groups
  algorithm     = var.algorithm
  validity      = var.validity
}

output "files" {
  description = "Paths by name: admin, super-admin, controller-manager, scheduler."
  value       = { for name, file in phase.file : name => file.path }
}

output "admin" {
  value = phase.file["admin"].path
}

output "super_admin" {
  value = phase.file["super-admin"].path
}

output "controller_manager" {
  value = phase.file["controller-manager"].path
}

output "scheduler" {
  value = phase.file["scheduler"].path
}
