# What only prod refuses.
mock_provider "aws" {
  source = "../../testing"
}

mock_provider "aws" {
  alias  = "replica"
  source = "../../testing"
}

variables {
  domain = { zone = "example.com" }
  notify = ["oncall@example.com"]
  access = { public_keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA nobody@example.com"] }
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

run "refuses_alarms_that_tell_nobody" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    notify = []
    budget = null
  }

  expect_failures = [terraform_data.checks]
}

run "takes_what_a_protected_environment_needs" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  assert {
    condition     = terraform_data.checks.input.notify == toset(["oncall@example.com"])
    error_message = "The refusals above are for the one thing that each names."
  }
}
