mock_provider "aws" {
  source = "../../testing"
}

variables {
  name = "slipway-dev"
}

run "refuses_a_bad_name" {
  command = plan

  variables {
    name = "dev env"
  }

  expect_failures = [var.name]
}

run "refuses_an_address_that_is_none" {
  command = plan

  variables {
    notify = ["ops"]
  }

  expect_failures = [var.notify]
}

run "refuses_a_retention_cloudwatch_lacks" {
  command = plan

  variables {
    log_groups = { app = 31 }
  }

  expect_failures = [var.log_groups]
}

run "refuses_an_unknown_api_kind" {
  command = plan

  variables {
    watch = { api = { id = "a", kind = "soap" } }
  }

  expect_failures = [var.watch]
}

run "refuses_a_percentage_over_100" {
  command = plan

  variables {
    thresholds = { cpu_percent = 120 }
  }

  expect_failures = [var.thresholds]
}

run "refuses_a_negative_threshold" {
  command = plan

  variables {
    thresholds = { latency_p95_ms = -1 }
  }

  expect_failures = [var.thresholds]
}
