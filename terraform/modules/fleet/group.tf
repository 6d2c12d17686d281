locals {
  # A host is in service only after it has converged, and terminated only after its requests have ended.
  hooks = {
    launching = {
      name       = "${var.name}-converge"
      transition = "autoscaling:EC2_INSTANCE_LAUNCHING"
      timeout_s  = var.converge.timeout_s
      result     = "ABANDON"
    }
    terminating = {
      name       = "${var.name}-drain"
      transition = "autoscaling:EC2_INSTANCE_TERMINATING"
      timeout_s  = var.drain_s
      result     = "CONTINUE"
    }
  }
}

resource "aws_autoscaling_group" "this" {
  # The name is fixed (roles and hosts refer to it), so a replacement deletes the group before it creates the new one.
  name                      = var.name
  min_size                  = var.size.min
  max_size                  = var.size.max
  vpc_zone_identifier       = var.subnet_ids
  target_group_arns         = var.load_balancer.target_group_arns
  health_check_type         = "ELB"
  health_check_grace_period = var.scaling.warmup_s
  default_instance_warmup   = var.scaling.warmup_s
  capacity_rebalance        = var.spot.percent > 0 && length(var.instance.types) > 1
  termination_policies      = ["OldestLaunchTemplate", "OldestInstance"]
  enabled_metrics           = ["GroupDesiredCapacity", "GroupInServiceInstances", "GroupTotalInstances"]

  # Hosts converge for minutes. A group whose creation fails meanwhile is tainted, and the next apply replaces it.
  wait_for_capacity_timeout = "0"

  # The first hosts start before aws_autoscaling_lifecycle_hook.this exists, which manages the same hooks from then on.
  dynamic "initial_lifecycle_hook" {
    for_each = local.hooks

    content {
      name                 = initial_lifecycle_hook.value.name
      lifecycle_transition = initial_lifecycle_hook.value.transition
      heartbeat_timeout    = initial_lifecycle_hook.value.timeout_s
      default_result       = initial_lifecycle_hook.value.result
    }
  }

  mixed_instances_policy {
    instances_distribution {
      on_demand_base_capacity                  = var.spot.on_demand_base
      on_demand_percentage_above_base_capacity = 100 - var.spot.percent
      on_demand_allocation_strategy            = "prioritized"
      spot_allocation_strategy                 = "price-capacity-optimized"
    }

    launch_template {
      launch_template_specification {
        launch_template_id = aws_launch_template.this.id
        version            = aws_launch_template.this.latest_version
      }

      dynamic "override" {
        for_each = var.instance.types

        content {
          instance_type = override.value
        }
      }
    }
  }

  dynamic "warm_pool" {
    for_each = var.size.warm > 0 ? [var.size.warm] : []

    content {
      pool_state                  = "Stopped"
      min_size                    = warm_pool.value
      max_group_prepared_capacity = var.size.max

      # A host that served may hold an old release: it starts afresh.
      instance_reuse_policy {
        reuse_on_scale_in = false
      }
    }
  }

  instance_refresh {
    strategy = "Rolling"

    preferences {
      min_healthy_percentage = 100
      max_healthy_percentage = 150
      instance_warmup        = var.scaling.warmup_s
      auto_rollback          = true
      skip_matching          = true
    }
  }

  dynamic "tag" {
    for_each = local.tags

    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = true
    }
  }

  lifecycle {
    # Scaling decides how many run; hooks of an existing group are changed by aws_autoscaling_lifecycle_hook.this.
    ignore_changes = [desired_capacity, initial_lifecycle_hook]

    precondition {
      condition     = var.size.min == 0 || var.converge.key != null
      error_message = "size.min is ${var.size.min}, but there is no bundle of playbooks (converge.key) that makes a new host serve: Auto Scaling would launch and terminate hosts without end. Set size.min to 0 until the bundle is in the bucket ${var.converge.bucket}."
    }

    precondition {
      condition     = var.size.warm == 0 || var.spot.percent == 0
      error_message = "A warm pool (size.warm ${var.size.warm}) cannot hold Spot instances (spot.percent ${var.spot.percent}): choose one of them."
    }

    precondition {
      condition     = var.scaling.requests_per_target == null || var.load_balancer.resource_label != null
      error_message = "scaling.requests_per_target needs load_balancer.resource_label, which says whose requests are counted."
    }
  }
}

resource "aws_autoscaling_lifecycle_hook" "this" {
  for_each = local.hooks

  autoscaling_group_name = aws_autoscaling_group.this.name
  name                   = each.value.name
  lifecycle_transition   = each.value.transition
  heartbeat_timeout      = each.value.timeout_s
  default_result         = each.value.result
}
