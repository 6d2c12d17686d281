provider "aws" {
  # Plans without an account: nothing is called, so the credentials need not be real.
  region                      = "eu-central-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

variables {
  name   = "slipway-dev"
  budget = { monthly_usd = 20 }
  notify = ["money@example.com"]
  tag    = { key = "Environment", value = "slipway-dev" }
}

run "people_hear_before_the_money_is_gone" {
  command = plan

  assert {
    condition     = sort([for n in aws_budgets_budget.this[0].notification : format("%s %03d", n.notification_type, n.threshold)]) == tolist(["ACTUAL 050", "ACTUAL 080", "ACTUAL 100", "FORECASTED 100"])
    error_message = "At half, at four fifths, when it is reached and when it will be."
  }

  assert {
    condition     = alltrue([for n in aws_budgets_budget.this[0].notification : n.subscriber_email_addresses == toset(["money@example.com"])])
    error_message = "Every warning has an address."
  }

  assert {
    condition     = length(aws_budgets_budget.this[0].cost_filter) == 0
    error_message = "The whole account counts: a filter by a tag that billing does not know would never see a cent."
  }
}

run "a_budget_by_tag_counts_one_environment" {
  command = plan

  variables {
    budget = { monthly_usd = 20, by_tag = true }
  }

  assert {
    condition     = one([for f in aws_budgets_budget.this[0].cost_filter : one(f.values)]) == "user:Environment$slipway-dev"
    error_message = "Only this environment's cost counts."
  }
}

run "hosts_sleep_without_a_budget_and_wake_under_their_own_key" {
  command = plan

  variables {
    budget    = null
    kms_alias = "alias/slipway-dev"
    off_hours = { instances = { one = "i-0123456789abcdef0" } }
  }

  assert {
    condition     = length(aws_budgets_budget.this) == 0 && toset(keys(output.schedules)) == toset(["sleep-hosts", "wake-hosts"])
    error_message = "Hosts sleep and wake without a budget."
  }

  assert {
    condition = anytrue([
      for s in jsondecode(aws_iam_role_policy.scheduler[0].policy).Statement :
      s.Condition.Bool["kms:GrantIsForAWSResource"] == "true" &&
      s.Condition["ForAnyValue:StringEquals"]["kms:ResourceAliases"] == "alias/slipway-dev"
      if s.Action == "kms:CreateGrant"
    ])
    error_message = "To start a host with an encrypted volume, its key must be lent to EC2."
  }
}

run "the_scheduler_may_touch_this_environment_only" {
  command = plan

  variables {
    off_hours = { instances = { one = "i-0123456789abcdef0" }, databases = { main = "slipway-dev" } }
  }

  assert {
    condition = alltrue([
      for s in jsondecode(aws_iam_role_policy.scheduler[0].policy).Statement :
      s.Condition.StringEquals["aws:ResourceTag/Environment"] == "slipway-dev" if s.Sid == "StopAndStartHosts"
    ])
    error_message = "Hosts of other environments must be out of reach."
  }

  assert {
    condition = alltrue([
      for s in jsondecode(aws_iam_role_policy.scheduler[0].policy).Statement : !contains(flatten([s.Resource]), "*")
    ])
    error_message = "No statement may be for everything."
  }

  assert {
    condition     = jsondecode(aws_scheduler_schedule.this["sleep-hosts"].target[0].input) == { InstanceIds = ["i-0123456789abcdef0"] }
    error_message = "The call names the host."
  }
}

run "an_unusual_day_is_told" {
  command = plan

  variables {
    budget      = { monthly_usd = 100, by_tag = true }
    anomaly_usd = 5
  }

  assert {
    condition     = one(aws_ce_anomaly_subscription.this[0].threshold_expression[0].dimension[0].values) == "5" && jsondecode(aws_ce_anomaly_monitor.this[0].monitor_specification).Tags.Values == ["slipway-dev"]
    error_message = "The monitor looks at this environment and speaks up at 5 $."
  }
}

run "an_unusual_day_of_the_account_is_told" {
  command = plan

  variables {
    anomaly_usd = 5
  }

  assert {
    condition     = aws_ce_anomaly_monitor.this[0].monitor_type == "DIMENSIONAL" && aws_ce_anomaly_monitor.this[0].monitor_specification == null
    error_message = "A tag that billing does not know selects nothing: without by_tag the services of the account are watched."
  }
}

run "an_account_has_one_monitor_of_its_services" {
  command = plan

  variables {
    anomaly_usd         = 5
    anomaly_monitor_arn = "arn:aws:ce::123456789012:anomalymonitor/00000000-0000-0000-0000-000000000000"
  }

  assert {
    condition     = length(aws_ce_anomaly_monitor.this) == 0 && aws_ce_anomaly_subscription.this[0].monitor_arn_list == tolist([var.anomaly_monitor_arn])
    error_message = "The existing monitor sends the notifications, and none is made beside it."
  }
}
