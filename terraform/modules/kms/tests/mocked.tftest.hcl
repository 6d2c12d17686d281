mock_provider "aws" {
  source = "../../testing"
}

variables {
  name = "slipway-dev"
}

run "outputs_carry_the_key_and_its_alias" {
  assert {
    condition     = startswith(output.key_arn, "arn:aws:kms:") && output.alias == "alias/slipway-dev"
    error_message = "Callers need the key's ARN and the alias that policies scope to, got ${output.key_arn}, ${output.alias}."
  }
}

run "refuses_a_bad_name" {
  command = plan

  variables {
    name = "Slipway Dev"
  }

  expect_failures = [var.name]
}

run "refuses_a_hasty_deletion" {
  command = plan

  variables {
    deletion_window_days = 3
  }

  expect_failures = [var.deletion_window_days]
}

run "refuses_a_reader_that_is_no_role" {
  command = plan

  variables {
    readers = ["*"]
  }

  expect_failures = [var.readers]
}
