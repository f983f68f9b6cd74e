# The rules of a site, made before anything else. A pipeline of yours would have them beside preflight.host.

phase "site.naming" "name" {
  pattern = "(?P<role>cp|wk)[0-9]{2}-(?P<site>[a-z]{3})"
}

phase "site.disk" "etcd" {
  label = "etcd"
  mount = "/var/lib/etcd"
}

output "role" {
  value = phase.name.parts["role"]
}
