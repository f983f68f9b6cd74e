# What every pipeline of a host asks about the host itself.

variable "node_name" {
  type        = string
  description = "Name of the node. Default: the host name, in lower case."
  default     = ""
}

variable "advertise_address" {
  type        = string
  description = "IP address on which this node is reached. Default: that of the interface with the default route."
  default     = ""
}

variable "cri_socket" {
  type        = string
  description = "Socket of the container runtime. Default: the one that is there."
  default     = ""
}

variable "kubelet_extra_args" {
  type        = list(object({ name = string, value = string }))
  description = "More flags of the kubelet, such as node-ip."
  default     = []
}

variable "taints" {
  type        = list(object({ key = string, value = optional(string, ""), effect = string }))
  description = "Taints of the node. Default: control-plane:NoSchedule on a control plane, else none; [] is none."
  default     = null
}

variable "node_labels" {
  type        = map(string)
  description = "Labels of the node, besides those of its role."
  default     = {}
}

variable "node_annotations" {
  type        = map(string)
  description = "Annotations of the node."
  default     = {}
}

variable "ignore_preflight_errors" {
  type        = list(string)
  description = "Checks, by kubeadm's names, whose errors are only warned of, such as [\"Swap\"]; [\"all\"] is all of them."
  default     = []
}

variable "image_pull_policy" {
  type        = string
  description = "Always, IfNotPresent or Never."
  default     = "IfNotPresent"
}

variable "image_pull_serial" {
  type        = bool
  description = "Pull one image at a time, not four."
  default     = false
}

variable "patches_dir" {
  type        = string
  description = "Directory of patches for manifests and the kubelet's configuration, named as kubeadm wants them."
  default     = ""
}

variable "timeouts" {
  type = object({
    control_plane  = optional(string, "4m")
    kubelet        = optional(string, "4m")
    kubernetes_api = optional(string, "1m")
    etcd_api       = optional(string, "2m")
    tls_bootstrap  = optional(string, "5m")
    discovery      = optional(string, "5m")
    node_ready     = optional(string, "4m")
  })
  description = "How long to wait for what."
  default     = {}
}
