# The images of a control-plane node, pulled ahead of time: what kubeadm config images list and pull do. plan lists those that
# are missing, apply pulls them, at most four at once.
#
#   clusterflow apply images.hcl --var kubernetes_version=v1.36.3

include = ["./config/node.hcl", "./config/cluster.hcl"]

module "images" {
  source     = "./modules/images"
  cri_socket = var.cri_socket
  policy     = var.image_pull_policy
  serial     = var.image_pull_serial
  config     = local.config
}

output "images" {
  description = "Images of this cluster"
  value       = [for name in values(module.images.names) : name if name != null]
}
