# Bootstrap tokens, on any control-plane node, also one that kubeadm made: makes one, prints the commands to join with it, and
# lists all that there are. A token that this pipeline made and that is still valid is printed again; another variable
# `bootstrap_tokens` gives it another lifetime, `undo` deletes it.
#
#   clusterflow apply token
#   clusterflow apply token --var upload_certs=true          # for control-plane nodes
#   clusterflow apply token --var delete_tokens=abcdef

include = ["./config/tokens.hcl", "./config/join-commands.hcl"]

variable "kubeconfig" {
  type        = string
  description = "Kubeconfig of an administrator."
  default     = "/etc/kubernetes/admin.conf"
}

variable "cert_dir" {
  type        = string
  description = "Directory of the certificates on this node, for upload_certs."
  default     = "/etc/kubernetes/pki"
}

variable "delete_tokens" {
  type        = list(string)
  description = "Public parts of tokens to delete."
  default     = []
}

locals {
  cluster = { kubeconfig = var.kubeconfig, server = "", ca_pin = "" }
}

phase "controlplane.cluster_config" "cluster_config" {
  cluster = local.cluster
}

module "bootstrap_token" {
  source  = "./modules/bootstrap-token"
  cluster = local.cluster
  tokens  = var.bootstrap_tokens
  publish = false
}

phase "pki.upload" "upload_certs" {
  when          = var.upload_certs
  cluster       = local.cluster
  cert_dir      = var.cert_dir
  external_etcd = phase.cluster_config.config.external_etcd
  key           = var.certificate_key
}

phase "controlplane.tokens" "tokens" {
  cluster    = local.cluster
  delete     = var.delete_tokens
  depends_on = [module.bootstrap_token]
}

output "kubeadm_join_command_control_plane" {
  description = "Join a control-plane node with kubeadm"
  sensitive   = true
  reveal      = true
  value       = var.upload_certs ? "${module.bootstrap_token.kubeadm_join_command} --control-plane --certificate-key ${phase.upload_certs.key}" : null
}

output "tokens" {
  description = "Tokens"
  value       = join("\n", [for t in phase.tokens.tokens : "${t.id}  ${coalesce(t.expires, "never expires")}  ${join(",", t.usages)}  ${t.description}"])
}
