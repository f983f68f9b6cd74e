# CoreDNS and kube-proxy, as kubeadm installs them.

variable "cluster" {
  type        = object({ kubeconfig = string, server = string, ca_pin = string })
  description = "The cluster, from controlplane.wait."
}

variable "node" {
  type        = any
  description = "The node, from preflight.node: name, advertise_address, cri_socket."
}

variable "config" {
  type        = any
  description = "The configuration of the cluster: local.config of config/cluster.hcl."
}

phase "addons.coredns" "coredns" {
  when             = var.config.coredns.enabled
  cluster          = var.cluster
  service_subnet   = var.config.service_subnet
  dns_domain       = var.config.dns_domain
  image_repository = coalesce(var.config.coredns.image_repository, var.config.image_repository)
  image_tag        = var.config.coredns.image_tag
  replicas         = var.config.coredns.replicas
}

phase "addons.kube_proxy" "kube_proxy" {
  when                   = var.config.kube_proxy.enabled
  cluster                = var.cluster
  kubernetes_version     = var.config.kubernetes_version
  image_repository       = var.config.image_repository
  control_plane_endpoint = coalesce(var.config.control_plane_endpoint, hostport(var.node.advertise_address, var.config.bind_port))
  pod_subnet             = var.config.pod_subnet
  mode                   = var.config.kube_proxy.mode
  configuration          = var.config.kube_proxy_configuration
}
