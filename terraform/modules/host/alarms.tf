locals {
  # What EC2 does by itself when a status check stays red; the topics are told as well.
  status_alarms = {
    recover = { metric = "StatusCheckFailed_System", what = "the machine under it fails: move it to another one" }
    reboot  = { metric = "StatusCheckFailed_Instance", what = "its operating system does not answer: reboot it" }
  }
}

resource "aws_cloudwatch_metric_alarm" "status" {
  for_each = local.status_alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "Host ${var.name}: ${each.value.what}."
  namespace           = "AWS/EC2"
  metric_name         = each.value.metric
  dimensions          = { InstanceId = aws_instance.this.id }
  statistic           = "Maximum"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  period              = 60
  evaluation_periods  = each.key == "recover" ? 2 : 3
  treat_missing_data  = "missing"
  alarm_actions = concat(
    ["arn:${data.aws_partition.current.partition}:automate:${data.aws_region.current.id}:ec2:${each.key}"],
    var.alarm_actions,
  )
}
