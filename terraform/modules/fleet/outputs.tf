output "group_name" {
  description = "The Auto Scaling group."
  value       = aws_autoscaling_group.this.name
}

output "group_arn" {
  description = "ARN of the Auto Scaling group."
  value       = aws_autoscaling_group.this.arn
}

output "security_group_id" {
  description = "Security group of the hosts, to be admitted by databases and caches."
  value       = aws_security_group.this.id
}

output "launch_template_id" {
  description = "The launch template."
  value       = aws_launch_template.this.id
}
