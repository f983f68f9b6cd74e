# What to type on a host that joins: of pipelines with module bootstrap_token and phase upload_certs.

output "join_command" {
  description = "Join a worker"
  sensitive   = true
  reveal      = true
  value       = module.bootstrap_token.join_command
}

output "join_command_control_plane" {
  description = "Join a control-plane node"
  sensitive   = true
  reveal      = true
  value       = var.upload_certs ? "CLUSTERFLOW_VAR_certificate_key=${phase.upload_certs.key} ${module.bootstrap_token.join_command} --var control_plane=true" : null
}

output "kubeadm_join_command" {
  description = "The same with kubeadm"
  sensitive   = true
  reveal      = true
  value       = module.bootstrap_token.kubeadm_join_command
}
