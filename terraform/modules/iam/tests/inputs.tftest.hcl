mock_provider "aws" {
  source = "../../testing"
}

variables {
  name = "slipway-dev"
}

run "refuses_a_bad_name" {
  command = plan

  variables {
    name = "X"
  }

  expect_failures = [var.name]
}

run "refuses_a_grant_that_is_no_arn" {
  command = plan

  variables {
    grants = { repositories = ["inference"] }
  }

  expect_failures = [var.grants]
}

run "refuses_a_grant_of_everything" {
  command = plan

  variables {
    grants = { secrets = ["arn:aws:secretsmanager:eu-central-1:123456789012:*"] }
  }

  expect_failures = [var.grants]
}

run "refuses_a_repository_without_owner" {
  command = plan

  variables {
    ci = { repository = "slipway" }
  }

  expect_failures = [var.ci]
}

run "refuses_ci_for_every_ref" {
  command = plan

  variables {
    ci = { repository = "example/slipway", subjects = ["*"] }
  }

  expect_failures = [var.ci]
}

run "refuses_a_challenge_for_a_wildcard" {
  command = plan

  variables {
    host = { dns_challenge = { zone_id = "Z0123456789ABCDEFGHIJ", names = ["*.example.com"] } }
  }

  expect_failures = [var.host]
}
