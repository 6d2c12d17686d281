mock_provider "aws" {
  source = "../../testing"
}

variables {
  name   = "slipway-dev"
  budget = { monthly_usd = 20 }
  notify = ["money@example.com"]
  tag    = { key = "Environment", value = "slipway-dev" }
}

run "refuses_a_bad_name" {
  command = plan

  variables {
    name = "Cost"
  }

  expect_failures = [var.name]
}

run "refuses_a_budget_of_nothing" {
  command = plan

  variables {
    budget = { monthly_usd = 0 }
  }

  expect_failures = [var.budget]
}

run "refuses_a_budget_that_never_warns" {
  command = plan

  variables {
    budget = { monthly_usd = 20, percents = [] }
  }

  expect_failures = [var.budget]
}

run "refuses_an_address_that_is_none" {
  command = plan

  variables {
    notify = ["money"]
  }

  expect_failures = [var.notify]
}

run "refuses_an_anomaly_of_nothing" {
  command = plan

  variables {
    anomaly_usd = 0
  }

  expect_failures = [var.anomaly_usd]
}

run "refuses_a_time_that_is_no_cron" {
  command = plan

  variables {
    off_hours = { sleep = "20:00" }
  }

  expect_failures = [var.off_hours]
}

run "refuses_a_budget_without_an_address" {
  command = plan

  variables {
    notify = []
  }

  expect_failures = [aws_budgets_budget.this]
}

run "refuses_an_anomaly_monitor_without_an_address" {
  command = plan

  variables {
    notify      = []
    anomaly_usd = 5
  }

  expect_failures = [aws_budgets_budget.this, aws_ce_anomaly_subscription.this]
}

run "refuses_a_monitor_that_is_none" {
  command = plan

  variables {
    anomaly_monitor_arn = "Default-Services-Monitor"
  }

  expect_failures = [var.anomaly_monitor_arn]
}
