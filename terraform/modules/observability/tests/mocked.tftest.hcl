mock_provider "aws" {
  source = "../../testing"
}

variables {
  name  = "slipway-dev"
  watch = { hosts = { "inference-1" = "i-0123456789abcdef0" } }
}

run "every_alarm_tells_the_topic" {
  variables {
    anomaly_detection = true
  }

  assert {
    condition = alltrue([
      for a in concat(values(aws_cloudwatch_metric_alarm.this), aws_cloudwatch_metric_alarm.anomaly) :
      contains(a.alarm_actions, output.topic_arn) && contains(a.ok_actions, output.topic_arn)
    ])
    error_message = "An alarm without an action is a graph."
  }

  assert {
    condition     = length(jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets) == length(output.alarm_names)
    error_message = "The dashboard shows every alarm."
  }

  assert {
    condition     = keys(output.log_group_arns) == ["access", "app", "events"] && length(aws_cloudtrail.this) == 0
    error_message = "Log groups by default, a trail only when asked for."
  }
}

run "nothing_to_watch_makes_no_alarm_and_no_dashboard" {
  variables {
    watch = {}
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.this) == 0 && length(aws_cloudwatch_dashboard.this) == 0
    error_message = "Without anything to watch there must be no alarms."
  }
}
