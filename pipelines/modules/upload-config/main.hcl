# The cluster's configuration, stored in the cluster for the nodes that join and for kubeadm.

variable "cluster" {
  type        = object({ kubeconfig = string, server = string, ca_pin = string })
  description = "The cluster, from controlplane.wait."
}

variable "config" {
  type        = any
  description = "The configuration of the cluster: local.config of config/cluster.hcl."
}

variable "kubelet_configuration" {
  type        = string
  description = "The KubeletConfiguration of all nodes, in YAML, from module kubelet."
  default     = ""
}

phase "controlplane.upload_config" "config" {
  cluster                 = var.cluster
  kubernetes_version      = var.config.kubernetes_version
  cluster_name            = var.config.cluster_name
  control_plane_endpoint  = var.config.control_plane_endpoint
  cert_dir                = var.config.cert_dir
  service_subnet          = var.config.service_subnet
  pod_subnet              = var.config.pod_subnet
  dns_domain              = var.config.dns_domain
  image_repository        = var.config.image_repository
  encryption_algorithm    = var.config.key_algorithm
  certificate_validity    = var.config.certificate_validity
  ca_certificate_validity = var.config.ca_certificate_validity
  feature_gates           = var.config.feature_gates
  etcd                    = merge(var.config.etcd, { external = var.config.external_etcd }, var.config.external_etcd == null ? {} : { data_dir = null })
  api_server              = merge(var.config.apiserver, { cert_sans = var.config.apiserver_cert_extra_sans })
  controller_manager      = var.config.controller_manager
  scheduler               = var.config.scheduler
  dns                     = { image_repository = var.config.coredns.image_repository, image_tag = var.config.coredns.image_tag, disabled = !var.config.coredns.enabled }
  kubelet_configuration   = var.kubelet_configuration
  proxy                   = { disabled = !var.config.kube_proxy.enabled }
}
