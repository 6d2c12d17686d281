output "endpoint" {
  description = "Address of the primary node; it follows a failover."
  value       = aws_elasticache_replication_group.this.primary_endpoint_address
}

output "arn" {
  description = "ARN of the cache, for elasticache:Connect."
  value       = aws_elasticache_replication_group.this.arn
}

output "user_arn" {
  description = "ARN of the user that clients authenticate as, for elasticache:Connect."
  value       = aws_elasticache_user.service.arn
}
