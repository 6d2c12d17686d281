output "budget" {
  description = "Name of the budget, or null."
  value       = one(aws_budgets_budget.this[*].name)
}

output "schedules" {
  description = "Off-hours schedules, by action."
  value       = merge({ for k, s in aws_scheduler_schedule.this : k => s.schedule_expression }, { for k, a in aws_appautoscaling_scheduled_action.this : k => a.schedule })
}
