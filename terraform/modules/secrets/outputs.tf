output "secret_arns" {
  description = "Secret ARNs by key."
  value       = { for k, s in aws_secretsmanager_secret.this : k => s.arn }
}

output "secret_names" {
  description = "Secret names by key."
  value       = { for k, s in aws_secretsmanager_secret.this : k => s.name }
}

output "wanted_parameters" {
  description = "Names of the desired-release parameters by service."
  value       = { for k, p in aws_ssm_parameter.wanted : k => p.name }
}

output "parameters" {
  description = "Names of the setting parameters by key."
  value       = { for k, p in aws_ssm_parameter.setting : k => p.name }
}
