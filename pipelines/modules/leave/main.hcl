# Takes the node out of its cluster while it still runs: its pods move, the Node of a control plane goes, its API server
# ends, its etcd member leaves. Where the cluster ends with this node, or cannot be asked, there is nothing to leave.

variable "node" {
  type        = any
  description = "The node: name, advertise_address, cri_socket."
}

variable "found" {
  type        = any
  description = "What is found on the host, from kubelet.found."
}

variable "pairs" {
  type        = any
  description = "Paths of certificates and keys by kubeadm's names."
}

variable "kubeconfig" {
  type    = string
  default = "/etc/kubernetes/admin.conf"
}

variable "drain" {
  type    = bool
  default = true
}

variable "drain_timeout" {
  type    = string
  default = "2m"
}

variable "destroy_etcd_data" {
  type    = string
  default = ""
}

phase "controlplane.drain" "drain" {
  when       = var.drain && var.found.joined
  kubeconfig = var.kubeconfig
  node       = var.node.name
  within     = var.drain_timeout
}

phase "controlplane.no_node" "node" {
  when       = var.found.joined && var.found.control_plane
  kubeconfig = var.kubeconfig
  node       = var.node.name
  depends_on = [phase.drain]
}

# Only then, because it is asked until then; and before its etcd goes, which it needs to say farewell.
phase "controlplane.no_endpoint" "endpoint" {
  when       = var.found.control_plane
  kubeconfig = var.kubeconfig
  node       = var.node.name
  cri_socket = var.node.cri_socket
  depends_on = [phase.node]
}

phase "etcd.leave" "etcd" {
  when       = var.found.etcd_member && !var.found.etcd_external
  name       = var.node.name
  address    = var.node.advertise_address
  endpoints  = var.found.etcd_local ? ["https://${hostport(var.node.advertise_address, 2379)}"] : []
  cluster    = var.found.etcd_local ? null : { kubeconfig = var.kubeconfig }
  ca         = var.pairs["etcd/ca"].cert
  client     = var.pairs["etcd/healthcheck-client"]
  data_dir   = var.found.etcd_data_dir
  give_up    = var.destroy_etcd_data != ""
  depends_on = [phase.endpoint]
}
