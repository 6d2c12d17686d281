resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "${var.name}: ${each.value.what}."
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = startswith(each.value.statistic, "p") ? null : each.value.statistic
  extended_statistic  = startswith(each.value.statistic, "p") ? each.value.statistic : null
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  period              = each.value.period
  evaluation_periods  = each.value.periods
  treat_missing_data  = each.value.missing
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

locals {
  # The request rate, wherever requests are counted in this topology: at most one is used.
  request_rates = concat(
    [for lb in var.watch.load_balancer[*] : { namespace = "AWS/ApplicationELB", metric = "RequestCount", dimensions = { LoadBalancer = lb.suffix } }],
    [for a in var.watch.api[*] : { namespace = "AWS/ApiGateway", metric = "Count", dimensions = { (a.kind == "rest" ? "ApiName" : "ApiId") = a.id } }],
    [for _ in local.reporting ? [1] : [] : { namespace = "Slipway", metric = "${var.name}/http_requests", dimensions = {} }],
  )
}

resource "aws_cloudwatch_metric_alarm" "anomaly" {
  count = var.anomaly_detection && length(local.request_rates) > 0 ? 1 : 0

  alarm_name          = "${var.name}-unusual-traffic"
  alarm_description   = "${var.name}: the request rate left its usual band."
  comparison_operator = "LessThanLowerOrGreaterThanUpperThreshold"
  threshold_metric_id = "band"
  evaluation_periods  = 3
  treat_missing_data  = "missing"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]

  metric_query {
    id          = "band"
    expression  = "ANOMALY_DETECTION_BAND(rate, 3)"
    label       = "Usual request rate"
    return_data = true
  }

  metric_query {
    id          = "rate"
    return_data = true

    metric {
      namespace   = local.request_rates[0].namespace
      metric_name = local.request_rates[0].metric
      dimensions  = local.request_rates[0].dimensions
      period      = 300
      stat        = "Sum"
    }
  }
}

# One graph per alarm, with its threshold: what can wake somebody is what is looked at first.
resource "aws_cloudwatch_dashboard" "this" {
  count = var.dashboard && length(local.alarms) > 0 ? 1 : 0

  dashboard_name = var.name
  dashboard_body = jsonencode({
    widgets = [
      for i, k in sort(keys(local.alarms)) : {
        type   = "metric"
        x      = (i % 3) * 8
        y      = floor(i / 3) * 6
        width  = 8
        height = 6
        properties = {
          title  = local.alarms[k].what
          region = data.aws_region.current.id
          period = local.alarms[k].period
          metrics = [concat(
            [local.alarms[k].namespace, local.alarms[k].metric],
            flatten([for d, v in local.alarms[k].dimensions : [d, v]]),
            [{ stat = local.alarms[k].statistic }],
          )]
          annotations = { horizontal = [{ label = "alarm", value = local.alarms[k].threshold }] }
        }
      }
    ]
  })
}
