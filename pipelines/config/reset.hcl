# What a person may want to be otherwise when a host leaves its cluster.

variable "kubeconfig" {
  type        = string
  description = "Kubeconfig of an administrator, with which the node leaves its cluster. A worker has none by itself."
  default     = "/etc/kubernetes/admin.conf"
}

variable "drain" {
  type        = bool
  description = "Evict the pods of the node first, as far as the cluster goes on without it."
  default     = true
}

variable "drain_timeout" {
  type        = string
  description = "How long evictions may take; disruption budgets are kept."
  default     = "2m"
}

variable "pod_grace" {
  type        = string
  description = "How long the containers of ordinary pods that are still there may take to end."
  default     = "10s"
}

variable "destroy_etcd_data" {
  type        = string
  description = "Name of this node, to delete its etcd data for good although other members count on it, or nobody knows whose it is."
  default     = ""
}

variable "unmount_flags" {
  type        = list(string)
  description = "How to unmount volumes of pods, such as [\"MNT_DETACH\"] for those that are in use."
  default     = []
}

variable "remove_cni_config" {
  type        = bool
  description = "Delete the files in /etc/cni/net.d, too."
  default     = false
}
