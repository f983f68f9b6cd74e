# Makes a host ready for a cluster by the rules of a site: its own checks first, then those of clusterflow, then the images, and a
# list of what is there. It lies beside the built-in pipelines, because it uses their variables and modules.
#
#   clusterflow pipelines copy init .
#   clusterflow apply site.hcl --var pod_subnet=10.244.0.0/16

include = ["./config/node.hcl", "./config/cluster.hcl"]

phase "preflight.node" "node" {
  name              = var.node_name
  advertise_address = var.advertise_address
  cri_socket        = var.cri_socket
}

# Exit code 0 is a pass, 1 an error, 2 a warning; the first line is the summary, the rest says what to do.
phase "preflight.script" "naming" {
  command = ["${path.module}/checks/naming", phase.node.name]
}

phase "preflight.script" "disk" {
  command = ["${path.module}/checks/disk", "/var/lib", "2048"]
}

# A command before a phase of clusterflow: the check of ip_forward then finds it on.
phase "core.exec" "forwarding" {
  command    = ["sysctl", "-w", "net.ipv4.ip_forward=1"]
  undo       = ["sysctl", "-w", "net.ipv4.ip_forward=0"]
  depends_on = [phase.naming, phase.disk]
}

module "preflight" {
  source     = "./modules/preflight"
  role       = "init"
  ignore     = var.ignore_preflight_errors
  node       = phase.node
  config     = local.config
  depends_on = [phase.forwarding]
}

module "images" {
  source     = "./modules/images"
  cri_socket = phase.node.cri_socket
  policy     = var.image_pull_policy
  config     = local.config
  depends_on = [module.preflight]
}

# And one after: a reference is an order, too.
phase "core.exec" "inventory" {
  command = concat(["printf", "%s\\n"], [for name in values(module.images.names) : name if name != null])
}

output "images" {
  description = "Images on this host"
  value       = phase.inventory.stdout
}
