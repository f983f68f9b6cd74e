# API server, controller manager and scheduler as static pods: each a manifest that the kubelet finds.

variable "images" {
  type        = map(string)
  description = "Images by component, from module images, so that they are there."
}

variable "etcd" {
  type        = any
  description = "Where etcd is: endpoints, ca_file, cert_file, key_file."
}

variable "kubeconfigs" {
  type        = map(string)
  description = "Paths by name, from module kubeconfig."
}

variable "node" {
  type        = any
  description = "The node, from preflight.node: name, advertise_address, cri_socket."
}

variable "config" {
  type        = any
  description = "The configuration of the cluster: local.config of config/cluster.hcl."
}

variable "patches_dir" {
  type    = string
  default = ""
}

phase "controlplane.audit_policy" "audit_policy" {
  when    = var.config.audit_policy != null
  policy  = try(var.config.audit_policy.file, "") == "" ? null : file(var.config.audit_policy.file)
  log_dir = try(var.config.audit_policy.log_dir, null)
  max_age = try(var.config.audit_policy.max_age, null)
}

locals {
  audit_args    = coalesce(phase.audit_policy.extra_args, [])
  audit_volumes = coalesce(phase.audit_policy.extra_volumes, [])
}

phase "controlplane.static_pod" "apiserver" {
  component         = "kube-apiserver"
  image             = var.images["kube-apiserver"]
  advertise_address = var.node.advertise_address
  secure_port       = var.config.bind_port
  cert_dir          = var.config.cert_dir
  etcd              = var.etcd
  service_subnet    = var.config.service_subnet
  dns_domain        = var.config.dns_domain
  extra_args        = concat(var.config.apiserver.extra_args, local.audit_args)
  extra_env         = var.config.apiserver.extra_envs
  extra_volumes     = concat(var.config.apiserver.extra_volumes, local.audit_volumes)
  startup_timeout   = var.config.timeouts.control_plane
  patches_dir       = var.patches_dir
}

phase "controlplane.static_pod" "controller_manager" {
  component       = "kube-controller-manager"
  image           = var.images["kube-controller-manager"]
  cert_dir        = var.config.cert_dir
  kubeconfig      = var.kubeconfigs["controller-manager"]
  cluster_name    = var.config.cluster_name
  service_subnet  = var.config.service_subnet
  pod_subnet      = var.config.pod_subnet
  extra_args      = var.config.controller_manager.extra_args
  extra_env       = var.config.controller_manager.extra_envs
  extra_volumes   = var.config.controller_manager.extra_volumes
  startup_timeout = var.config.timeouts.control_plane
  patches_dir     = var.patches_dir
}

phase "controlplane.static_pod" "scheduler" {
  component       = "kube-scheduler"
  image           = var.images["kube-scheduler"]
  kubeconfig      = var.kubeconfigs["scheduler"]
  extra_args      = var.config.scheduler.extra_args
  extra_env       = var.config.scheduler.extra_envs
  extra_volumes   = var.config.scheduler.extra_volumes
  startup_timeout = var.config.timeouts.control_plane
  patches_dir     = var.patches_dir
}

output "components" {
  description = "Health of the components besides the API server, for controlplane.wait."
  value = [
    { name = "kube-controller-manager", url = phase.controller_manager.healthz },
    { name = "kube-scheduler", url = phase.scheduler.healthz },
  ]
}

output "pods" {
  description = "The pods that should run, for controlplane.wait."
  value       = [phase.apiserver.pod, phase.controller_manager.pod, phase.scheduler.pod]
}
