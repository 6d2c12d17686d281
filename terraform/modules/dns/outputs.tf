output "zone_id" {
  description = "The zone."
  value       = local.zone_id
}

output "name_servers" {
  description = "Name servers to delegate to at the registrar; empty for an existing zone."
  value       = try(aws_route53_zone.this[0].name_servers, [])
}

output "names" {
  description = "Full names of the address records, by key."
  value       = { for k, r in var.records : k => r.name == "" ? var.zone.name : "${r.name}.${var.zone.name}" }
}

output "health_check_ids" {
  description = "Health checks, by key."
  value       = { for k, h in aws_route53_health_check.this : k => h.id }
}

output "caa_names" {
  description = "Full names of the CAA records."
  value       = [for r in aws_route53_record.caa : r.name]
}
