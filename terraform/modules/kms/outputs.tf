output "key_arn" {
  description = "ARN of the environment's key."
  # format() tells the planner that it is never null, so that callers' "key given?" is decided before the key exists.
  value = format("%s", aws_kms_key.this.arn)
}

output "alias" {
  description = "Alias of the key; IAM policies scope to it by the condition kms:ResourceAliases."
  value       = aws_kms_alias.this.name
}

output "policy" {
  description = "The policy of the key, as JSON."
  value       = data.aws_iam_policy_document.key.json
}
