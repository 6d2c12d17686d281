output "endpoint" {
  description = "Host and port."
  value       = aws_db_instance.this.endpoint
}

output "security_group_id" {
  description = "Security group of the database."
  value       = aws_security_group.this.id
}

output "resource_id" {
  description = "Resource id, which rds-db:connect names."
  value       = aws_db_instance.this.resource_id
}

output "name" {
  description = "Name of the first database."
  value       = aws_db_instance.this.db_name
}

output "identifier" {
  description = "The instance."
  value       = aws_db_instance.this.identifier
}

output "arn" {
  description = "Its ARN, for backups and schedules."
  value       = aws_db_instance.this.arn
}

output "owner_secret_arn" {
  description = "Secret with the owner's password, created and rotated by RDS."
  value       = try(aws_db_instance.this.master_user_secret[0].secret_arn, null)
}

output "final_snapshot" {
  description = "Name of the snapshot that a deletion leaves, or null."
  value       = aws_db_instance.this.final_snapshot_identifier
}
