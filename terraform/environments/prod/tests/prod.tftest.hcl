# What only prod refuses.
mock_provider "aws" {
  source = "../../testing"
}

run "refuses_to_go_unprotected" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    features = { protected = false }
  }

  expect_failures = [terraform_data.checks]
}

run "refuses_to_sleep" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    features = { off_hours = true }
  }

  expect_failures = [terraform_data.checks]
}
