mock_provider "aws" {
  source = "../../testing"
}

variables {
  name = "slipway-dev"
}

run "refuses_a_bad_name" {
  command = plan

  variables {
    name = ""
  }

  expect_failures = [var.name]
}

run "refuses_a_bad_key" {
  command = plan

  variables {
    secrets = { "Token!" = { description = "x" } }
  }

  expect_failures = [var.secrets]
}

run "refuses_a_rotation_once_a_decade" {
  command = plan

  variables {
    secrets = { a = { description = "x", rotation = { lambda_arn = "arn:aws:lambda:eu-central-1:123456789012:function:f", days = 4000 } } }
  }

  expect_failures = [var.secrets]
}

run "refuses_a_value_for_a_rotated_secret" {
  command = plan

  variables {
    secrets = { a = { description = "x", value_version = 1, rotation = { lambda_arn = "arn:aws:lambda:eu-central-1:123456789012:function:f" } } }
  }

  expect_failures = [var.secrets]
}

run "refuses_an_empty_parameter" {
  command = plan

  variables {
    parameters = { a = { value = "", description = "x" } }
  }

  expect_failures = [var.parameters]
}

run "refuses_a_bad_service" {
  command = plan

  variables {
    services = ["My Service"]
  }

  expect_failures = [var.services]
}

run "refuses_a_recovery_window_aws_refuses" {
  command = plan

  variables {
    recovery_days = 3
  }

  expect_failures = [var.recovery_days]
}
