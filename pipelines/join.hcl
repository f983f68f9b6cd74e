# One more node of a cluster, worker or control plane: what kubeadm join does, for clusters of clusterflow and of kubeadm.
#
#   CLUSTERFLOW_VAR_token=… clusterflow apply join --var endpoint=192.0.2.10:6443 --var ca_pins=sha256:…

state   = "node"
include = ["./config/node.hcl", "./config/join.hcl"]

phase "preflight.node" "node" {
  name              = var.node_name
  advertise_address = var.advertise_address
  cri_socket        = var.cri_socket
}

phase "controlplane.discovery" "discovery" {
  endpoint             = var.endpoint
  token                = var.token
  ca_pins              = var.ca_pins
  skip_ca_verification = var.skip_ca_verification
  file                 = var.discovery_file
  within               = var.timeouts.discovery
}

phase "controlplane.cluster_config" "cluster_config" {
  cluster       = phase.discovery.cluster
  token         = phase.discovery.token
  node_name     = phase.node.name
  control_plane = var.control_plane
  within        = var.timeouts.kubernetes_api
}

module "preflight" {
  source       = "./modules/preflight"
  role         = var.control_plane ? "join-control-plane" : "join"
  api_server   = var.control_plane ? local.config.control_plane_endpoint : trimprefix(phase.discovery.server, "https://")
  shared_certs = local.has_certificate_key
  ignore       = var.ignore_preflight_errors
  node         = phase.node
  config       = local.config
}

module "shared_certs" {
  source     = "./modules/shared-certs"
  when       = var.control_plane && local.has_certificate_key
  cluster    = phase.discovery.cluster
  token      = phase.discovery.token
  key        = var.certificate_key
  config     = local.config
  depends_on = [module.preflight]
}

module "images" {
  source     = "./modules/images"
  when       = var.control_plane
  cri_socket = phase.node.cri_socket
  policy     = var.image_pull_policy
  serial     = var.image_pull_serial
  config     = local.config
  depends_on = [module.preflight]
}

module "certs" {
  source     = "./modules/certs"
  when       = var.control_plane
  node       = phase.node
  config     = local.config
  existing   = true
  depends_on = [module.shared_certs, module.preflight]
}

module "kubeconfig" {
  source = "./modules/kubeconfig"
  when   = var.control_plane
  ca     = module.certs.ca
  node   = phase.node
  config = local.config
  names  = ["admin", "controller-manager", "scheduler"]
}

module "etcd" {
  source      = "./modules/etcd-join"
  when        = var.control_plane && local.config.external_etcd == null
  image       = module.images.names["etcd"]
  kubeconfig  = module.kubeconfig.files["admin"]
  ca          = module.certs.etcd_ca
  leaves      = module.certs.leaves
  node        = phase.node
  config      = local.config
  patches_dir = var.patches_dir
}

module "control_plane" {
  source      = "./modules/control-plane"
  when        = var.control_plane
  images      = module.images.names
  etcd        = coalesce(module.etcd.client, local.config.external_etcd)
  kubeconfigs = module.kubeconfig.files
  node        = phase.node
  config      = local.config
  patches_dir = var.patches_dir
  depends_on  = [module.certs, module.etcd] # whose etcd does not vote yet answers nobody
}

module "kubelet" {
  source      = "./modules/kubelet"
  bootstrap   = local.bootstrap
  token       = phase.discovery.token
  node        = phase.node
  config      = local.config
  taints      = coalesce(var.taints, local.role_taints)
  extra_args  = var.kubelet_extra_args
  patches_dir = var.patches_dir
  depends_on  = [module.preflight, module.shared_certs]
}

phase "controlplane.wait" "wait_control_plane" {
  when       = var.control_plane
  kubeconfig = module.kubeconfig.files["admin"]
  components = [for c in concat(
    [{ name = "the API server of this node", url = "${local.own_server}/readyz" }, module.etcd.component],
    module.control_plane.components,
  ) : c if c != null]
  pods       = [for pod in concat([module.etcd.pod], module.control_plane.pods) : pod if pod != null]
  cri_socket = phase.node.cri_socket
  within     = var.timeouts.control_plane
}

phase "controlplane.mark" "mark_control_plane" {
  when        = var.control_plane
  cluster     = phase.wait_control_plane.cluster
  node        = phase.node.name
  labels      = merge(local.control_plane_labels, var.node_labels)
  annotations = var.node_annotations
  taints      = var.taints
  depends_on  = [module.kubelet]
}

phase "controlplane.mark" "mark_worker" {
  when        = !var.control_plane && length(var.node_labels) + length(var.node_annotations) > 0
  cluster     = { kubeconfig = module.kubelet.kubeconfig }
  node        = phase.node.name
  labels      = var.node_labels
  annotations = var.node_annotations
  taints      = []
}

phase "controlplane.node_ready" "node_ready" {
  when    = var.wait_ready
  cluster = { kubeconfig = module.kubelet.kubeconfig }
  node    = phase.node.name
  within  = var.timeouts.node_ready
}

output "node" {
  description = "Name of the node"
  value       = phase.node.name
}

output "server" {
  description = "API server that its kubelet uses"
  value       = local.bootstrap.server
}
