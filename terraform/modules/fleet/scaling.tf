resource "aws_autoscaling_policy" "cpu" {
  name                   = "${var.name}-cpu"
  autoscaling_group_name = aws_autoscaling_group.this.name
  policy_type            = "TargetTrackingScaling"

  target_tracking_configuration {
    target_value = var.scaling.cpu_percent

    predefined_metric_specification {
      predefined_metric_type = "ASGAverageCPUUtilization"
    }
  }
}

resource "aws_autoscaling_policy" "requests" {
  count = var.scaling.requests_per_target == null ? 0 : 1

  name                   = "${var.name}-requests"
  autoscaling_group_name = aws_autoscaling_group.this.name
  policy_type            = "TargetTrackingScaling"

  target_tracking_configuration {
    target_value = var.scaling.requests_per_target

    predefined_metric_specification {
      predefined_metric_type = "ALBRequestCountPerTarget"
      resource_label         = var.load_balancer.resource_label
    }
  }
}

# EC2 does not know memory: the hosts publish it.
resource "aws_autoscaling_policy" "memory" {
  count = var.scaling.memory_percent == null ? 0 : 1

  name                   = "${var.name}-memory"
  autoscaling_group_name = aws_autoscaling_group.this.name
  policy_type            = "TargetTrackingScaling"

  target_tracking_configuration {
    target_value = var.scaling.memory_percent

    customized_metric_specification {
      namespace   = "Slipway"
      metric_name = "memory_used_percent"
      statistic   = "Average"

      metric_dimension {
        name  = "Environment"
        value = var.name
      }

      metric_dimension {
        name  = "Service"
        value = var.service
      }
    }
  }
}

resource "aws_autoscaling_schedule" "this" {
  for_each = var.schedules

  autoscaling_group_name = aws_autoscaling_group.this.name
  scheduled_action_name  = each.key
  recurrence             = each.value.cron
  time_zone              = each.value.timezone
  min_size               = each.value.min
  max_size               = each.value.max
  # -1 leaves the wanted number where the new bounds allow it.
  desired_capacity = each.value.max == 0 ? 0 : -1
}
