locals {
  hooks = { launching = "${var.name}-converge", terminating = "${var.name}-drain" }
}

resource "aws_autoscaling_group" "this" {
  name                      = var.name
  min_size                  = var.size.min
  max_size                  = var.size.max
  vpc_zone_identifier       = var.subnet_ids
  target_group_arns         = var.load_balancer.target_group_arns
  health_check_type         = "ELB"
  health_check_grace_period = var.scaling.warmup_s
  default_instance_warmup   = var.scaling.warmup_s
  capacity_rebalance        = var.spot.percent > 0
  termination_policies      = ["OldestLaunchTemplate", "OldestInstance"]
  enabled_metrics           = ["GroupDesiredCapacity", "GroupInServiceInstances", "GroupTotalInstances"]

  # A host is not in service before it has made itself into one, and not gone before its work has ended.
  initial_lifecycle_hook {
    name                 = local.hooks.launching
    lifecycle_transition = "autoscaling:EC2_INSTANCE_LAUNCHING"
    heartbeat_timeout    = var.converge.timeout_s
    default_result       = "ABANDON"
  }

  initial_lifecycle_hook {
    name                 = local.hooks.terminating
    lifecycle_transition = "autoscaling:EC2_INSTANCE_TERMINATING"
    heartbeat_timeout    = var.drain_s
    default_result       = "CONTINUE"
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
    create_before_destroy = true
    # Scaling decides how many run.
    ignore_changes = [desired_capacity]

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
