# What a host needs to know to join a cluster.

variable "control_plane" {
  type        = bool
  description = "Whether the host becomes part of the control plane, or a worker."
  default     = false
}

variable "endpoint" {
  type        = string
  description = "host:port of an API server of the cluster. Or discovery_file."
  default     = ""
}

variable "token" {
  type        = string
  description = "Bootstrap token, such as abcdef.0123456789abcdef. A host that is a node already needs none."
  default     = ""
  sensitive   = true
}

variable "ca_pins" {
  type        = list(string)
  description = "Digests of the cluster's CA, sha256:…, as the join command has them."
  default     = []
}

variable "skip_ca_verification" {
  type        = bool
  description = "Do without pins: whoever knows the token can pose as the cluster."
  default     = false
}

variable "discovery_file" {
  type        = string
  description = "Path or https URL of a kubeconfig that says where the cluster is and which CA it has, in place of endpoint and ca_pins."
  default     = ""
}

variable "certificate_key" {
  type        = string
  description = "Key of the shared certificates that the cluster keeps, 64 hex digits, for a control-plane node. Empty: the files are on this host already."
  default     = ""
  sensitive   = true
}

variable "bind_port" {
  type        = number
  description = "Port of the API server on this host."
  default     = 6443
}

variable "audit_policy" {
  type = object({
    file    = optional(string, "")
    log_dir = optional(string, "/var/log/kubernetes/audit")
    max_age = optional(number, 2)
  })
  description = "Audit logs of the API server on this host, by the policy in file or one that logs metadata. Default: none."
  default     = null
}

variable "wait_ready" {
  type        = bool
  description = "Whether to wait until the node is Ready. Without a network plugin it does not become so."
  default     = true
}

locals {
  has_certificate_key = nonsensitive(var.certificate_key != "")

  control_plane_labels = {
    "node-role.kubernetes.io/control-plane"                   = ""
    "node.kubernetes.io/exclude-from-external-load-balancers" = ""
  }

  # With these the node registers, so that no ordinary pod comes to it before it is marked.
  role_taints = var.control_plane ? [{ key = "node-role.kubernetes.io/control-plane", value = "", effect = "NoSchedule" }] : []

  own_server = "https://${hostport(phase.node.advertise_address, var.bind_port)}"

  # The kubelet of a control-plane node uses the API server beside it, and the CA is among the shared files.
  bootstrap = {
    server  = var.control_plane ? local.own_server : phase.discovery.server
    via     = phase.discovery.server
    ca      = phase.discovery.ca
    ca_file = var.control_plane ? "" : "${local.config.cert_dir}/ca.crt"
  }

  # What the cluster says of itself, and this host of itself.
  config = merge(phase.cluster_config.config, {
    bind_port    = var.bind_port
    audit_policy = var.audit_policy
    timeouts     = var.timeouts
  })
}
