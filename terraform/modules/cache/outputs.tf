output "endpoint" {
  description = "Address of the primary node; it follows a failover."
  value       = aws_elasticache_replication_group.this.primary_endpoint_address
}

output "arn" {
  description = "ARN of the cache, for elasticache:Connect."
  value       = aws_elasticache_replication_group.this.arn
}

output "security_group_id" {
  description = "Security group of the cache."
  value       = aws_security_group.this.id
}

output "user_name" {
  description = "Name of the user that clients authenticate as."
  value       = aws_elasticache_user.service.user_name
}

output "user_arn" {
  description = "ARN of the user that clients authenticate as, for elasticache:Connect."
  value       = aws_elasticache_user.service.arn
}
