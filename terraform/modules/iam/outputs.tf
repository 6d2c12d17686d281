output "instance_profile" {
  description = "Instance profile of the hosts, or null."
  value       = try(aws_iam_instance_profile.host[0].name, null)

  # The agent of Session Manager that starts before its role has its rights tries again only after up to an hour.
  depends_on = [aws_iam_role_policy.this]
}

output "role_arns" {
  description = "Role ARNs by purpose: host, execution, task, function, ci (those that exist)."
  value = merge(
    { for k, r in aws_iam_role.this : k => r.arn },
    var.ci == null ? {} : { ci = one(aws_iam_role.ci[*].arn) },
  )
}

output "role_names" {
  description = "Role names by purpose, without that of the pipeline."
  value       = { for k, r in aws_iam_role.this : k => r.name }
}

output "policies" {
  description = "Policies of the roles by purpose, as JSON, without that of the pipeline."
  value       = { for k, r in local.roles : k => r.policy }
}

output "wildcard_reasons" {
  description = "The only statements with resource \"*\", each with its reason."
  value       = local.wildcard_reasons
}

output "authorize_key" {
  description = "Run Command document that lets a key of the pipeline log in, or null."
  value       = one(aws_ssm_document.authorize_key[*].name)
}
