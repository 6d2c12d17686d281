locals {
  by_tag = try(var.budget.by_tag, false)
}

resource "aws_budgets_budget" "this" {
  count = var.budget == null ? 0 : 1

  name         = var.name
  budget_type  = "COST"
  limit_amount = tostring(var.budget.monthly_usd)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  # Without a filter the whole account counts. Billing knows a tag only after somebody has activated it there.
  dynamic "cost_filter" {
    for_each = var.budget.by_tag ? [var.tag] : []

    content {
      name   = "TagKeyValue"
      values = [join("$", ["user:${cost_filter.value.key}", cost_filter.value.value])]
    }
  }

  dynamic "notification" {
    for_each = var.budget.percents

    content {
      comparison_operator        = "GREATER_THAN"
      notification_type          = "ACTUAL"
      threshold                  = notification.value
      threshold_type             = "PERCENTAGE"
      subscriber_email_addresses = var.notify
    }
  }

  notification {
    comparison_operator        = "GREATER_THAN"
    notification_type          = "FORECASTED"
    threshold                  = 100
    threshold_type             = "PERCENTAGE"
    subscriber_email_addresses = var.notify
  }

  lifecycle {
    precondition {
      condition     = length(var.notify) > 0
      error_message = "A budget of ${var.budget.monthly_usd} $ needs a recipient: set notify to at least one e-mail address."
    }
  }
}

resource "aws_ce_cost_allocation_tag" "this" {
  for_each = var.allocation_tags

  tag_key = each.key
  status  = "Active"
}

resource "aws_ce_anomaly_monitor" "this" {
  count = var.anomaly_usd != null && var.anomaly_monitor_arn == null ? 1 : 0

  name              = var.name
  monitor_type      = local.by_tag ? "CUSTOM" : "DIMENSIONAL"
  monitor_dimension = local.by_tag ? null : "SERVICE"

  # Billing knows a tag only after somebody has activated it there.
  monitor_specification = !local.by_tag ? null : jsonencode({
    And            = null
    CostCategories = null
    Dimensions     = null
    Not            = null
    Or             = null
    Tags           = { Key = "user:${var.tag.key}", MatchOptions = null, Values = [var.tag.value] }
  })
}

resource "aws_ce_anomaly_subscription" "this" {
  count = var.anomaly_usd == null ? 0 : 1

  name             = var.name
  frequency        = "DAILY"
  monitor_arn_list = [var.anomaly_monitor_arn != null ? var.anomaly_monitor_arn : aws_ce_anomaly_monitor.this[0].arn]

  dynamic "subscriber" {
    for_each = var.notify

    content {
      type    = "EMAIL"
      address = subscriber.value
    }
  }

  threshold_expression {
    dimension {
      key           = "ANOMALY_TOTAL_IMPACT_ABSOLUTE"
      match_options = ["GREATER_THAN_OR_EQUAL"]
      values        = [tostring(var.anomaly_usd)]
    }
  }

  lifecycle {
    precondition {
      condition     = length(var.notify) > 0
      error_message = "The report of an anomaly of ${var.anomaly_usd} $ needs a recipient: set notify to at least one e-mail address."
    }
  }
}
