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
  image       = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/inference@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  role_arn    = "arn:aws:iam::123456789012:role/slipway-dev-function"
  log_group   = "/slipway/slipway-dev/app"
  kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000"
}

run "nothing_is_paid_for_when_nobody_calls" {
  command = plan

  assert {
    condition     = length(aws_lambda_provisioned_concurrency_config.live) == 0
    error_message = "Without a warm count there must be no provisioned concurrency."
  }
}

run "a_flood_of_requests_can_be_kept_from_becoming_a_flood_of_cost" {
  command = plan

  variables {
    concurrency = { limit = 20 }
  }

  assert {
    condition     = aws_lambda_function.this.reserved_concurrent_executions == 20
    error_message = "The limit is the reservation."
  }
}

run "a_canary_has_its_share_and_the_live_version_the_rest" {
  command = plan

  variables {
    canary = { version = "7", percent = 5 }
  }

  assert {
    condition     = aws_lambda_alias.live.routing_config[0].additional_version_weights == tomap({ "7" = 0.05 })
    error_message = "5 % go to version 7."
  }
}

run "the_function_is_encrypted_traced_and_logged" {
  command = plan

  assert {
    condition     = aws_lambda_function.this.kms_key_arn == var.kms_key_arn && aws_lambda_function.this.tracing_config[0].mode == "Active"
    error_message = "Environment encrypted, requests traced."
  }

  assert {
    condition     = aws_lambda_function.this.logging_config[0].log_group == "/slipway/slipway-dev/app"
    error_message = "Logs go to the group whose retention is set."
  }
}

run "some_can_be_kept_warm" {
  command = plan

  variables {
    concurrency = { warm = 2 }
  }

  assert {
    condition     = aws_lambda_provisioned_concurrency_config.live[0].provisioned_concurrent_executions == 2 && aws_lambda_provisioned_concurrency_config.live[0].qualifier == "live"
    error_message = "The alias is kept warm."
  }
}

run "a_new_account_can_apply_it" {
  command = plan

  assert {
    condition     = try(aws_lambda_function.this.reserved_concurrent_executions, null) == null || aws_lambda_function.this.reserved_concurrent_executions == -1
    error_message = "The limit of a new account is 10, and AWS keeps 10 unreserved: any reservation is refused."
  }
}
