output "endpoint" {
  description = "Host and port."
  value       = aws_db_instance.this.endpoint
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
