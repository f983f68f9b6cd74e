# What a first control-plane node makes for those that join it.

variable "upload_certs" {
  type        = bool
  description = "Store the shared certificates, encrypted, in the cluster, so that control-plane nodes can join."
  default     = false
}

variable "certificate_key" {
  type        = string
  description = "Key of the stored certificates, 64 hex digits. Default: a random one."
  default     = ""
  sensitive   = true
}

variable "bootstrap_tokens" {
  type = list(object({
    token       = optional(string, "")
    ttl         = optional(string, "24h")
    description = optional(string, "")
    usages      = optional(list(string), ["signing", "authentication"])
    groups      = optional(list(string), ["system:bootstrappers:kubeadm:default-node-token"])
  }))
  description = "Tokens with which nodes join. Default: one random token, good for a day."
  default     = [{}]
  sensitive   = true
}
