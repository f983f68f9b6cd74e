# One etcd member as a local process, with TLS for clients and peers. Its counterpart on a host is a static pod.

variable "binary" {
  type        = string
  description = "Path of the etcd program."
}

variable "name" {
  type        = string
  description = "Name of the member, with kubeadm that of the node."
}

variable "address" {
  type        = string
  description = "IP address to listen on."
}

variable "ports" {
  type = object({ client = number, peer = number, metrics = number })
}

variable "data_dir" {
  type = string
}

variable "log_file" {
  type = string
}

variable "ca" {
  type        = object({ cert = string })
  description = "The CA of etcd."
}

variable "server" {
  type = object({ cert = string, key = string })
}

variable "peer" {
  type = object({ cert = string, key = string })
}

variable "client" {
  type        = object({ cert = string, key = string })
  description = "What the API server shows to etcd."
}

variable "healthcheck" {
  type        = object({ cert = string, key = string })
  description = "What health checks show to etcd."
}

variable "extra_args" {
  type    = list(object({ name = string, value = string }))
  default = []
}

phase "etcd.process" "etcd" {
  binary       = var.binary
  name         = var.name
  address      = var.address
  client_port  = var.ports.client
  peer_port    = var.ports.peer
  metrics_port = var.ports.metrics
  data_dir     = var.data_dir
  log_file     = var.log_file
  extra_args   = var.extra_args

  certs = {
    ca          = var.ca.cert
    server_cert = var.server.cert
    server_key  = var.server.key
    peer_cert   = var.peer.cert
    peer_key    = var.peer.key
  }
  client      = { cert = var.client.cert, key = var.client.key }
  healthcheck = { cert = var.healthcheck.cert, key = var.healthcheck.key }
}

output "client" {
  description = "Where etcd is and what to show to it: endpoints, ca_file, cert_file, key_file."
  value       = phase.etcd.client
}
