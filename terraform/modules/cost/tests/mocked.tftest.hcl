mock_provider "aws" {
  source = "../../testing"
}

variables {
  name   = "slipway-dev"
  budget = { monthly_usd = 20 }
  notify = ["money@example.com"]
  tag    = { key = "Environment", value = "slipway-dev" }
}

run "nothing_sleeps_unless_asked" {
  assert {
    condition     = length(output.schedules) == 0 && length(aws_iam_role.scheduler) == 0
    error_message = "Without off_hours there must be no schedule and no role."
  }
}

run "everything_that_sleeps_wakes" {
  variables {
    off_hours = {
      instances = { one = "i-0123456789abcdef0" }
      databases = { main = "slipway-dev" }
      services  = { inference = { resource = "service/slipway-dev/inference", min = 1, max = 4 } }
    }
  }

  assert {
    condition = (
      length([for k in keys(output.schedules) : k if strcontains(k, "sleep")]) == 3 &&
      length([for k in keys(output.schedules) : k if strcontains(k, "wake")]) == 3
    )
    error_message = "Each of hosts, database and service has a time to sleep and a time to wake, got ${jsonencode(output.schedules)}."
  }

  assert {
    condition     = aws_appautoscaling_scheduled_action.this["inference-wake"].scalable_target_action[0].max_capacity == "4"
    error_message = "A service wakes to its own size."
  }
}
