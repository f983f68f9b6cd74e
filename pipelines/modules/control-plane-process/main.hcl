# API server, controller manager and scheduler as local processes, with the flags that kubeadm gives them. Their
# counterparts on a host are static pods, which start at once. Here the other two start when the API server is ready:
# one that asks too early for its lease waits seconds before it asks again.

variable "binaries" {
  type        = string
  description = "Directory of the programs."
}

variable "log_dir" {
  type = string
}

variable "address" {
  type        = string
  description = "IP address on which the API server is reached."
}

variable "ports" {
  type = object({ apiserver = number, controller_manager = number, scheduler = number })
}

variable "cert_dir" {
  type = string
}

variable "kubeconfigs" {
  type = object({ controller_manager = string, scheduler = string })
}

variable "etcd" {
  type        = object({ endpoints = list(string), ca_file = string, cert_file = string, key_file = string })
  description = "Where etcd is and what to show to it."
}

variable "service_subnet" {
  type = string
}

variable "pod_subnet" {
  type    = string
  default = ""
}

variable "dns_domain" {
  type    = string
  default = "cluster.local"
}

variable "cluster_name" {
  type    = string
  default = "kubernetes"
}

variable "extra_args" {
  type = object({
    apiserver          = optional(list(object({ name = string, value = string })), [])
    controller_manager = optional(list(object({ name = string, value = string })), [])
    scheduler          = optional(list(object({ name = string, value = string })), [])
  })
  default = {}
}

phase "controlplane.process" "apiserver" {
  component      = "kube-apiserver"
  binary         = "${var.binaries}/kube-apiserver"
  log_file       = "${var.log_dir}/kube-apiserver.log"
  address        = var.address
  secure_port    = var.ports.apiserver
  cert_dir       = var.cert_dir
  etcd           = var.etcd
  service_subnet = var.service_subnet
  dns_domain     = var.dns_domain
  extra_args     = var.extra_args.apiserver
}

phase "controlplane.process" "controller_manager" {
  component      = "kube-controller-manager"
  binary         = "${var.binaries}/kube-controller-manager"
  log_file       = "${var.log_dir}/kube-controller-manager.log"
  secure_port    = var.ports.controller_manager
  cert_dir       = var.cert_dir
  kubeconfig     = var.kubeconfigs.controller_manager
  service_subnet = var.service_subnet
  pod_subnet     = var.pod_subnet
  cluster_name   = var.cluster_name
  extra_args     = var.extra_args.controller_manager
  depends_on     = [phase.apiserver]
}

phase "controlplane.process" "scheduler" {
  component   = "kube-scheduler"
  binary      = "${var.binaries}/kube-scheduler"
  log_file    = "${var.log_dir}/kube-scheduler.log"
  secure_port = var.ports.scheduler
  kubeconfig  = var.kubeconfigs.scheduler
  extra_args  = var.extra_args.scheduler
  depends_on  = [phase.apiserver]
}

output "components" {
  description = "Health of the components besides the API server, for controlplane.wait."
  value = [
    { name = "kube-controller-manager", url = phase.controller_manager.healthz },
    { name = "kube-scheduler", url = phase.scheduler.healthz },
  ]
}

output "apiserver" {
  value = phase.apiserver.url
}
