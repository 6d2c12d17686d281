output "vault" {
  description = "The vault that restores start from."
  value       = aws_backup_vault.this.name
}

output "copy_vaults" {
  description = "Vaults in other regions, by region."
  value       = { for k, v in aws_backup_vault.copy : k => v.name }
}

output "role_arn" {
  description = "Role that AWS Backup backs up and restores with."
  value       = aws_iam_role.backup.arn
}
