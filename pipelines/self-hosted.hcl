# Lets the cluster that init.hcl made run its own control plane: each component becomes a DaemonSet, and the kubelet's static
# pod ends when the new pod has proved itself. etcd stays as it is. undo brings the static pods back.
#
# init.hcl must have given every component the flag permit-port-sharing=true, so that old and new can run side by side:
#
#   apiserver          = { extra_args = [{ name = "permit-port-sharing", value = "true" }] }
#   controller_manager = { extra_args = [{ name = "permit-port-sharing", value = "true" }] }
#   scheduler          = { extra_args = [{ name = "permit-port-sharing", value = "true" }] }
#
#   clusterflow apply self-hosted.hcl

variable "node_name" {
  type        = string
  description = "Name of the node. Default: the host name, in lower case."
  default     = ""
}

variable "kubeconfig" {
  type        = string
  description = "Kubeconfig of the administrator."
  default     = "/etc/kubernetes/admin.conf"
}

variable "manifests" {
  type        = string
  description = "Directory in which the kubelet looks for static pods."
  default     = "/etc/kubernetes/manifests"
}

phase "preflight.node" "node" {
  name = var.node_name
}

phase "controlplane.wait" "control_plane" {
  kubeconfig = var.kubeconfig
}

phase "controlplane.self_hosted" "component" {
  for_each = toset(["kube-apiserver", "kube-controller-manager", "kube-scheduler"])
  cluster  = phase.control_plane.cluster
  manifest = "${var.manifests}/${each.key}.yaml"
  node     = phase.node.name
}
