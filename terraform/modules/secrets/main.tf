resource "aws_secretsmanager_secret" "this" {
  #checkov:skip=CKV_AWS_149:encrypted by the environment's key when kms_key_arn is given, else by the service's own
  #checkov:skip=CKV2_AWS_57:rotation is an option per secret (rotation); not every secret has a function that can change it
  for_each = var.secrets

  name                    = "${var.name}/${each.key}"
  description             = each.value.description
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.recovery_days
}

# Write-only: Terraform sends the value once per value_version and never stores it.
resource "aws_secretsmanager_secret_version" "this" {
  for_each = { for k, s in var.secrets : k => s if s.value_version != null }

  secret_id                = aws_secretsmanager_secret.this[each.key].id
  secret_string_wo         = lookup(var.values, each.key, null)
  secret_string_wo_version = each.value.value_version
}

resource "aws_secretsmanager_secret_rotation" "this" {
  #checkov:skip=CKV_AWS_304:the days come from the caller, at most 90 (validated in variables.tf)
  for_each = { for k, s in var.secrets : k => s.rotation if s.rotation != null }

  secret_id           = aws_secretsmanager_secret.this[each.key].id
  rotation_lambda_arn = each.value.lambda_arn

  rotation_rules {
    automatically_after_days = each.value.days
  }
}

resource "aws_ssm_parameter" "setting" {
  #checkov:skip=CKV2_AWS_34:plain settings, not secrets; secrets live in Secrets Manager
  for_each = var.parameters

  name           = "/slipway/${var.name}/${each.key}"
  description    = each.value.description
  type           = "String"
  insecure_value = each.value.value
}

resource "aws_ssm_parameter" "wanted" {
  #checkov:skip=CKV2_AWS_34:a version and a digest, not a secret
  for_each = var.services

  name           = "/slipway/${var.name}/${each.key}/wanted"
  description    = "The release of ${each.key} that hosts converge to; deploys write it, Terraform only makes it."
  type           = "String"
  insecure_value = "none"

  lifecycle {
    ignore_changes = [insecure_value]
  }
}
