# The first control-plane node of a cluster: what kubeadm init does, by kubeadm's names. References are the only order
# there is, so whatever can overlap does.
#
#   clusterflow apply init.hcl --var pod_subnet=10.244.0.0/16

state   = "node"
include = ["./config/node.hcl", "./config/cluster.hcl", "./config/tokens.hcl", "./config/join-commands.hcl"]

phase "preflight.node" "node" {
  name              = var.node_name
  advertise_address = var.advertise_address
  cri_socket        = var.cri_socket
}

module "preflight" {
  source = "./modules/preflight"
  role   = "init"
  ignore = var.ignore_preflight_errors
  node   = phase.node
  config = local.config
}

module "images" {
  source     = "./modules/images"
  cri_socket = phase.node.cri_socket
  policy     = var.image_pull_policy
  serial     = var.image_pull_serial
  config     = local.config
  depends_on = [module.preflight]
}

module "certs" {
  source     = "./modules/certs"
  node       = phase.node
  config     = local.config
  depends_on = [module.preflight]
}

module "kubeconfig" {
  source = "./modules/kubeconfig"
  ca     = module.certs.ca
  node   = phase.node
  config = local.config
}

module "etcd" {
  source      = "./modules/etcd"
  when        = local.etcd_is_local
  image       = module.images.names["etcd"]
  ca          = module.certs.etcd_ca
  leaves      = module.certs.leaves
  node        = phase.node
  config      = local.config
  patches_dir = var.patches_dir
}

module "control_plane" {
  source      = "./modules/control-plane"
  images      = module.images.names
  etcd        = coalesce(module.etcd.client, local.external_etcd)
  kubeconfigs = module.kubeconfig.files
  node        = phase.node
  config      = local.config
  patches_dir = var.patches_dir
  depends_on  = [module.certs]
}

module "kubelet" {
  source      = "./modules/kubelet"
  kubeconfig  = module.kubeconfig.files["kubelet"]
  node        = phase.node
  config      = local.config
  extra_args  = var.kubelet_extra_args
  patches_dir = var.patches_dir
  depends_on  = [module.preflight]
}

phase "controlplane.wait" "wait_control_plane" {
  kubeconfig             = module.kubeconfig.files["admin"]
  super_admin_kubeconfig = module.kubeconfig.files["super-admin"]
  components             = [for c in concat([module.etcd.component], module.control_plane.components) : c if c != null]
  pods                   = [for pod in concat([module.etcd.pod], module.control_plane.pods) : pod if pod != null]
  cri_socket             = phase.node.cri_socket
  within                 = var.timeouts.control_plane
  depends_on             = [module.kubelet]
}

module "upload_config" {
  source                = "./modules/upload-config"
  cluster               = phase.wait_control_plane.cluster
  config                = local.config
  kubelet_configuration = module.kubelet.configuration
}

phase "pki.upload" "upload_certs" {
  when          = var.upload_certs
  cluster       = phase.wait_control_plane.cluster
  cert_dir      = var.cert_dir
  external_etcd = var.external_etcd
  key           = var.certificate_key
}

phase "controlplane.mark" "mark_control_plane" {
  cluster     = phase.wait_control_plane.cluster
  node        = phase.node.name
  labels      = merge(local.control_plane_labels, var.node_labels)
  annotations = var.node_annotations
  taints      = var.taints
}

module "bootstrap_token" {
  source  = "./modules/bootstrap-token"
  cluster = phase.wait_control_plane.cluster
  tokens  = var.bootstrap_tokens
}

phase "kubelet.finalize" "kubelet_finalize" {
  kubeconfig = module.kubeconfig.files["kubelet"]
  depends_on = [phase.wait_control_plane]
}

module "addons" {
  source  = "./modules/addons"
  cluster = phase.wait_control_plane.cluster
  node    = phase.node
  config  = local.config
}

output "kubeconfig" {
  description = "Kubeconfig of the administrator"
  value       = module.kubeconfig.files["admin"]
}
