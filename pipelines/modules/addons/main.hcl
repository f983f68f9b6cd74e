# CoreDNS and kube-proxy, as kubeadm installs them.

variable "cluster" {
  type        = object({ kubeconfig = string, server = string, ca_pin = string })
  description = "The cluster, from module cluster."
}

variable "kubernetes_version" {
  type = string
}

variable "image_repository" {
  type    = string
  default = "registry.k8s.io"
}

variable "control_plane_endpoint" {
  type        = string
  description = "host:port on which kube-proxy reaches the API server."
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

variable "coredns" {
  type        = bool
  description = "Whether to install CoreDNS."
  default     = true
}

variable "kube_proxy" {
  type        = bool
  description = "Whether to install kube-proxy."
  default     = true
}

phase "addons.coredns" "coredns" {
  when             = var.coredns
  cluster          = var.cluster
  service_subnet   = var.service_subnet
  dns_domain       = var.dns_domain
  image_repository = var.image_repository
}

phase "addons.kube_proxy" "kube_proxy" {
  when                   = var.kube_proxy
  cluster                = var.cluster
  kubernetes_version     = var.kubernetes_version
  image_repository       = var.image_repository
  control_plane_endpoint = var.control_plane_endpoint
  pod_subnet             = var.pod_subnet
}
