mock_provider "aws" {
  source = "../../testing"
}

mock_provider "aws" {
  alias  = "replica"
  source = "../../testing"
}

variables {
  name        = "slipway-dev"
  selected_by = { key = "Backup", value = "slipway-dev" }
  topic_arn   = "arn:aws:sns:eu-central-1:123456789012:slipway-dev-alarms"
}

run "refuses_a_bad_name" {
  command = plan

  variables {
    name = "Backups"
  }

  expect_failures = [var.name]
}

run "refuses_a_time_that_is_no_cron" {
  command = plan

  variables {
    schedule = { cron = "every night" }
  }

  expect_failures = [var.schedule]
}

run "refuses_backups_that_last_no_day" {
  command = plan

  variables {
    schedule = { daily_days = 0 }
  }

  expect_failures = [var.schedule]
}

run "refuses_a_tag_without_value" {
  command = plan

  variables {
    selected_by = { key = "Backup", value = "" }
  }

  expect_failures = [var.selected_by]
}

run "refuses_copies_that_last_no_day" {
  command = plan

  variables {
    copy = { days = 0 }
  }

  expect_failures = [var.copy]
}

run "refuses_an_interval_that_dlm_does_not_know" {
  command = plan

  variables {
    snapshots = { every_hours = 5 }
  }

  expect_failures = [var.snapshots]
}

run "refuses_to_keep_no_snapshot" {
  command = plan

  variables {
    snapshots = { keep = 0 }
  }

  expect_failures = [var.snapshots]
}
