output "vault" {
  description = "The vault to restore from."
  value       = aws_backup_vault.this.name
}

output "copy_vaults" {
  description = "Vaults in other regions, by region."
  value       = { for k, v in aws_backup_vault.copy : k => v.name }
}

output "role_arn" {
  description = "Role of AWS Backup for backups and restores."
  value       = aws_iam_role.backup.arn
}
