# Ends all that a kubelet runs on this host, and what it keeps in its directory.

variable "node" {
  type        = any
  description = "The node: name, advertise_address, cri_socket."
}

variable "pod_grace" {
  type    = string
  default = "10s"
}

variable "unmount_flags" {
  type    = list(string)
  default = []
}

phase "kubelet.stopped" "kubelet" {
}

phase "kubelet.no_pods" "pods" {
  cri_socket = var.node.cri_socket
  grace      = var.pod_grace
  depends_on = [phase.kubelet]
}

phase "kubelet.no_mounts" "mounts" {
  flags      = var.unmount_flags
  depends_on = [phase.pods]
}

phase "kubelet.no_state" "state" {
  files      = ["/etc/kubernetes/bootstrap-kubelet.conf", "/etc/kubernetes/tmp"]
  depends_on = [phase.mounts]
}
