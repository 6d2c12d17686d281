output "topic_arn" {
  description = "Topic that alarms, budgets and backups publish to."
  value       = aws_sns_topic.alarms.arn
}

output "log_groups" {
  description = "Log group names by short name."
  value       = { for k, g in aws_cloudwatch_log_group.this : k => g.name }
}

output "log_group_arns" {
  description = "Log group ARNs by short name."
  value       = { for k, g in aws_cloudwatch_log_group.this : k => g.arn }
}

output "alarm_names" {
  description = "All alarms, for a completeness check."
  value       = sort([for a in concat(values(aws_cloudwatch_metric_alarm.this), aws_cloudwatch_metric_alarm.anomaly) : a.alarm_name])
}

output "metric_namespace" {
  description = "Namespace of the hosts' own metrics."
  value       = "Slipway"
}
