resource "aws_appautoscaling_target" "this" {
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${aws_ecs_service.this.name}"
  min_capacity       = var.capacity.min
  max_capacity       = var.capacity.max
}

locals {
  followed = merge(
    {
      cpu    = { metric = "ECSServiceAverageCPUUtilization", target = var.scaling.cpu_percent, label = null }
      memory = { metric = "ECSServiceAverageMemoryUtilization", target = var.scaling.memory_percent, label = null }
    },
    var.scaling.requests_per_target == null ? {} : {
      requests = {
        metric = "ALBRequestCountPerTarget", target = var.scaling.requests_per_target, label = var.load_balancer.resource_label
      }
    },
  )
}

resource "aws_appautoscaling_policy" "this" {
  for_each = local.followed

  name               = "${var.name}-${each.key}"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this.service_namespace
  scalable_dimension = aws_appautoscaling_target.this.scalable_dimension
  resource_id        = aws_appautoscaling_target.this.resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = each.value.target
    scale_out_cooldown = 60
    scale_in_cooldown  = 300

    predefined_metric_specification {
      predefined_metric_type = each.value.metric
      resource_label         = each.value.label
    }
  }
}
