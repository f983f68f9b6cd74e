# The kubeconfigs of the administrator and of the components, each with a client certificate of its own.

variable "dir" {
  type        = string
  description = "Directory for the files."
  default     = "/etc/kubernetes"
}

variable "ca" {
  type        = object({ cert = string, key = string })
  description = "The cluster's CA."
}

variable "node" {
  type        = any
  description = "The node, from preflight.node: name, advertise_address, cri_socket."
}

variable "config" {
  type        = any
  description = "The configuration of the cluster: local.config of config/cluster.hcl."
}

variable "names" {
  type        = list(string)
  description = "Which files: those of a first control-plane node by default."
  default     = ["admin", "super-admin", "kubelet", "controller-manager", "scheduler"]
}

locals {
  local    = "https://${hostport(var.node.advertise_address, var.config.bind_port)}"
  endpoint = var.config.control_plane_endpoint == "" ? local.local : "https://${var.config.control_plane_endpoint}"

  files = {
    "admin"              = { user = "kubernetes-admin", groups = ["kubeadm:cluster-admins"], server = local.endpoint }
    "super-admin"        = { user = "kubernetes-super-admin", groups = ["system:masters"], server = local.endpoint }
    "kubelet"            = { user = "system:node:${var.node.name}", groups = ["system:nodes"], server = local.local }
    "controller-manager" = { user = "system:kube-controller-manager", groups = [], server = local.local }
    "scheduler"          = { user = "system:kube-scheduler", groups = [], server = local.local }
  }
}

phase "pki.kubeconfig" "file" {
  for_each      = toset(var.names)
  path          = "${var.dir}/${each.key}.conf"
  ca            = var.ca
  server        = local.files[each.key].server
  cluster_name  = var.config.cluster_name
  user          = local.files[each.key].user
  organizations = local.files[each.key].groups
  algorithm     = var.config.key_algorithm
  validity      = var.config.certificate_validity
}

output "files" {
  description = "Paths by name."
  value       = { for name, file in phase.file : name => file.path }
}
