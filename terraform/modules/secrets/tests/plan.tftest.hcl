provider "aws" {
  # Plans without an account: nothing is called, so the credentials need not be real.
  region                      = "eu-central-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

variables {
  name        = "slipway-dev"
  kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000"
  secrets = {
    "inference/api-token" = { description = "Token of the upstream", value_version = 1 }
    "inference/database"  = { description = "Database login", rotation = { lambda_arn = "arn:aws:lambda:eu-central-1:123456789012:function:rotate" } }
  }
  values = { "inference/api-token" = "hunter2" }
}

run "values_never_reach_the_state" {
  command = plan

  assert {
    condition     = aws_secretsmanager_secret_version.this["inference/api-token"].secret_string == null
    error_message = "The value must go by the write-only argument."
  }

  assert {
    condition     = aws_secretsmanager_secret_version.this["inference/api-token"].secret_string_wo_version == 1
    error_message = "The version decides when the value is sent again."
  }
}

run "secrets_are_encrypted_recoverable_and_rotated" {
  command = plan

  assert {
    condition = alltrue([
      for s in aws_secretsmanager_secret.this : s.kms_key_id == var.kms_key_arn && s.recovery_window_in_days == 30
    ])
    error_message = "Each secret has our key and a month to be brought back."
  }

  assert {
    condition     = aws_secretsmanager_secret_rotation.this["inference/database"].rotation_rules[0].automatically_after_days == 30
    error_message = "A secret with a rotation is rotated monthly."
  }
}

run "hosts_find_the_wanted_release_where_it_is_documented" {
  command = plan

  assert {
    condition     = aws_ssm_parameter.wanted["inference"].name == "/slipway/slipway-dev/inference/wanted"
    error_message = "The path is a contract with the hosts, got ${aws_ssm_parameter.wanted["inference"].name}."
  }
}
