resource "aws_appautoscaling_target" "this" {
  count = var.scheduled ? 0 : 1

  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${aws_ecs_service.this.name}"
  min_capacity       = var.capacity.min
  max_capacity       = var.capacity.max
}

# Scheduled actions change the bounds: what they set is no drift.
resource "aws_appautoscaling_target" "scheduled" {
  count = var.scheduled ? 1 : 0

  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${aws_ecs_service.this.name}"
  min_capacity       = var.capacity.min
  max_capacity       = var.capacity.max

  lifecycle {
    ignore_changes = [min_capacity, max_capacity]
  }
}

locals {
  target = one(concat(aws_appautoscaling_target.this, aws_appautoscaling_target.scheduled))

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
  service_namespace  = local.target.service_namespace
  scalable_dimension = local.target.scalable_dimension
  resource_id        = local.target.resource_id

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
