output "dns_name" {
  description = "DNS name, as an alias target."
  value       = aws_lb.this.dns_name
}

output "zone_id" {
  description = "Zone of that name, for the alias."
  value       = aws_lb.this.zone_id
}

output "arn_suffix" {
  description = "CloudWatch dimension of the load balancer."
  value       = aws_lb.this.arn_suffix
}

output "https_listener_arn" {
  description = "The HTTPS listener, for an API gateway's VPC link."
  value       = aws_lb_listener.https.arn
}

output "load_balancer_arn" {
  description = "The load balancer."
  value       = aws_lb.this.arn
}

output "target_group_arns" {
  description = "Target groups by colour."
  value       = { for k, g in aws_lb_target_group.this : k => g.arn }

  # ECS refuses a target group, and request-based scaling a label, before a listener uses it.
  depends_on = [aws_lb_listener.https]
}

output "target_group_suffixes" {
  description = "CloudWatch dimensions of the target groups, by colour."
  value       = { for k, g in aws_lb_target_group.this : k => g.arn_suffix }

  depends_on = [aws_lb_listener.https]
}

output "security_group_id" {
  description = "Security group, to be admitted by targets."
  value       = aws_security_group.this.id
}

output "certificate_arn" {
  description = "Certificate of the HTTPS listener."
  value       = aws_lb_listener.https.certificate_arn
}

output "targets" {
  description = "Port of the targets, and path by which they are found ready."
  value       = { port = var.targets.port, ready_path = var.targets.ready_path }
}
