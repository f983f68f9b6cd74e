# The etcd of a control-plane node, as a static pod.

variable "image" {
  type = string
}

variable "leaves" {
  type        = map(object({ cert = string, key = string }))
  description = "Certificates by kubeadm's names, from module certs."
}

variable "ca" {
  type        = object({ cert = string })
  description = "The CA of etcd."
}

variable "node" {
  type = object({ name = string, advertise_address = string })
}

variable "config" {
  type = object({
    etcd = optional(object({
      data_dir   = optional(string, "/var/lib/etcd")
      extra_args = optional(list(object({ name = string, value = string })), [])
      extra_envs = optional(list(object({ name = string, value = string })), [])
    }), {})
    timeouts = optional(object({ control_plane = optional(string, "4m") }), {})
  })
}

variable "patches_dir" {
  type    = string
  default = ""
}

variable "initial_cluster" {
  type        = list(object({ name = string, peer_url = string }))
  description = "All members, this one included, when it joins an etcd that there is. Empty: it is the first."
  default     = []
}
