provider "aws" {
  # Plans without an account: nothing is called, so the credentials need not be real.
  region                      = "eu-central-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

override_data {
  target = data.aws_ssm_parameter.ami
  values = { insecure_value = "ami-0123456789abcdef0" }
}

variables {
  name             = "slipway-prod"
  vpc_id           = "vpc-0123456789abcdef0"
  subnet_ids       = ["subnet-a", "subnet-b"]
  instance_profile = "slipway-prod-host"
  kms_key_arn      = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000"
  tags             = { Environment = "prod" }
  converge         = { bucket = "slipway-prod-bundles-123456789012", key = "bundles/v1.0.0.tar.gz", wanted_parameter = "/slipway/slipway-prod/inference/wanted" }
  load_balancer = {
    target_group_arns = ["arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/slipway-prod-blue/0123456789abcdef"]
    security_group_id = "sg-0123456789abcdef0"
    resource_label    = "app/slipway-prod/0123/targetgroup/slipway-prod-blue/0123"
  }
}

run "hosts_keep_their_credentials_and_encrypt_their_disks" {
  command = plan

  assert {
    condition     = aws_launch_template.this.metadata_options[0].http_tokens == "required" && aws_launch_template.this.metadata_options[0].http_put_response_hop_limit == 1
    error_message = "IMDSv2 with one hop."
  }

  assert {
    condition     = tobool(aws_launch_template.this.block_device_mappings[0].ebs[0].encrypted) && aws_launch_template.this.block_device_mappings[0].ebs[0].kms_key_id == var.kms_key_arn
    error_message = "Root volumes are encrypted by our key."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.load_balancer.referenced_security_group_id == "sg-0123456789abcdef0" && aws_vpc_security_group_ingress_rule.load_balancer.cidr_ipv4 == null
    error_message = "Only the load balancer reaches the hosts."
  }
}

run "a_host_joins_when_converged_and_leaves_when_drained" {
  command = plan

  assert {
    condition = { for h in aws_autoscaling_group.this.initial_lifecycle_hook : h.lifecycle_transition => h.default_result } == {
      "autoscaling:EC2_INSTANCE_LAUNCHING"   = "ABANDON"
      "autoscaling:EC2_INSTANCE_TERMINATING" = "CONTINUE"
    }
    error_message = "A host that does not converge is abandoned; one that leaves may end its work."
  }

  assert {
    condition = (
      jsondecode(yamldecode(base64decode(aws_launch_template.this.user_data)).write_files[1].content).wanted == "/slipway/slipway-prod/inference/wanted" &&
      toset(values(jsondecode(yamldecode(base64decode(aws_launch_template.this.user_data)).write_files[1].content).hooks)) ==
      toset([for h in aws_autoscaling_group.this.initial_lifecycle_hook : h.name])
    )
    error_message = "User data must name the wanted release's parameter and the group's own hooks."
  }

  assert {
    condition     = strcontains(base64decode(yamldecode(base64decode(aws_launch_template.this.user_data)).write_files[0].content), "complete_lifecycle_action")
    error_message = "User data carries the converge program whole."
  }

  assert {
    condition     = length(base64decode(aws_launch_template.this.user_data)) < 16384
    error_message = "EC2 takes 16 KiB of user data."
  }
}

run "the_first_apply_ends_before_any_host_serves" {
  command = plan

  variables {
    converge = { bucket = "bundles", wanted_parameter = "/slipway/slipway-prod/inference/wanted" }
    size     = { min = 0, max = 3 }
  }

  assert {
    condition     = aws_autoscaling_group.this.wait_for_capacity_timeout == "0" && aws_autoscaling_group.this.min_size == 0
    error_message = "Without a bundle no host can get into service: waiting for it would fail the apply and taint the group."
  }
}

run "hooks_can_be_changed_after_the_group_exists" {
  command = plan

  assert {
    condition = { for k, h in aws_autoscaling_lifecycle_hook.this : h.name => [h.lifecycle_transition, h.default_result, h.heartbeat_timeout] } == {
      for h in aws_autoscaling_group.this.initial_lifecycle_hook : h.name => [h.lifecycle_transition, h.default_result, h.heartbeat_timeout]
    }
    error_message = "Initial hooks are read once, at creation: the same hooks must be resources."
  }
}

run "a_host_converges_at_every_boot" {
  command = plan

  assert {
    condition = anytrue([
      for f in yamldecode(base64decode(aws_launch_template.this.user_data)).write_files :
      f.path == "/etc/systemd/system/slipway-join.service" && strcontains(f.content, "WantedBy=multi-user.target")
    ]) && contains([for c in yamldecode(base64decode(aws_launch_template.this.user_data)).runcmd : join(" ", c)], "systemctl enable slipway-join.service")
    error_message = "cloud-init's runcmd runs once per instance: a host that leaves the warm pool boots for the second time."
  }
}

run "a_refresh_never_goes_below_full_strength" {
  command = plan

  assert {
    condition     = aws_autoscaling_group.this.instance_refresh[0].preferences[0].min_healthy_percentage == 100 && aws_autoscaling_group.this.instance_refresh[0].preferences[0].auto_rollback
    error_message = "A refresh launches before it terminates, and goes back when it fails."
  }
}

run "the_fleet_follows_cpu_requests_and_memory" {
  command = plan

  variables {
    scaling = { cpu_percent = 60, memory_percent = 75, requests_per_target = 600 }
  }

  assert {
    condition     = aws_autoscaling_policy.requests[0].target_tracking_configuration[0].target_value == 600
    error_message = "Requests per target must be followed."
  }

  assert {
    condition     = aws_autoscaling_policy.memory[0].target_tracking_configuration[0].customized_metric_specification[0].metric_name == "memory_used_percent"
    error_message = "Memory is followed by the hosts' own metric."
  }
}

run "spot_comes_on_top_of_an_on_demand_base" {
  command = plan

  variables {
    instance = { types = ["t3.small", "t3.medium"] }
    spot     = { percent = 70, on_demand_base = 1 }
  }

  assert {
    condition = (
      aws_autoscaling_group.this.mixed_instances_policy[0].instances_distribution[0].on_demand_percentage_above_base_capacity == 30 &&
      aws_autoscaling_group.this.mixed_instances_policy[0].instances_distribution[0].on_demand_base_capacity == 1 &&
      aws_autoscaling_group.this.capacity_rebalance
    )
    error_message = "70 % Spot means 30 % on demand above the base, and leaving a Spot host before it is taken."
  }

  assert {
    condition     = [for o in aws_autoscaling_group.this.mixed_instances_policy[0].launch_template[0].override : o.instance_type] == ["t3.small", "t3.medium"]
    error_message = "The types keep their order of preference."
  }
}

run "nights_off_and_tags_that_reach_the_hosts" {
  command = plan

  variables {
    schedules = { night = { cron = "0 20 * * MON-FRI", min = 0, max = 0 } }
    size      = { min = 1, max = 3, warm = 1 }
  }

  assert {
    condition     = aws_autoscaling_schedule.this["night"].desired_capacity == 0 && aws_autoscaling_schedule.this["night"].max_size == 0
    error_message = "A night with no host wants none."
  }

  assert {
    condition     = alltrue([for t in aws_autoscaling_group.this.tag : t.propagate_at_launch]) && contains([for t in aws_autoscaling_group.this.tag : t.key], "Environment")
    error_message = "The inventory finds hosts by their tags."
  }

  assert {
    condition     = aws_autoscaling_group.this.warm_pool[0].pool_state == "Stopped"
    error_message = "Warm hosts wait stopped."
  }
}

run "debian_can_be_reached_by_session_manager" {
  command = plan

  variables {
    public_keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA nobody@example.com"]
  }

  assert {
    condition = (
      yamldecode(base64decode(aws_launch_template.this.user_data)).runcmd[0][0] == "curl" &&
      tolist(yamldecode(base64decode(aws_launch_template.this.user_data)).ssh_authorized_keys) == var.public_keys
    )
    error_message = "Debian's image lacks the agent, and Instance Connect: user data brings the agent and the keys."
  }
}

run "another_partition_has_another_suffix" {
  command = plan

  override_data {
    target = data.aws_partition.current
    values = { dns_suffix = "amazonaws.com.cn" }
  }

  assert {
    condition     = strcontains(join(" ", yamldecode(base64decode(aws_launch_template.this.user_data)).runcmd[0]), "https://s3.eu-central-1.amazonaws.com.cn/amazon-ssm-")
    error_message = "The agent of Session Manager comes from the partition of the host."
  }
}

run "a_busy_burstable_host_is_billed_or_slowed_down_as_asked" {
  command = plan

  variables {
    instance = { types = ["t3.small", "t3.medium"], cpu_credits = "standard" }
  }

  assert {
    condition     = aws_launch_template.this.credit_specification[0].cpu_credits == "standard"
    error_message = "size.cpu_credits holds for the hosts of a fleet as well."
  }
}

run "a_group_with_another_type_gets_no_credits" {
  command = plan

  variables {
    instance = { types = ["t3.small", "m7i.large"] }
  }

  assert {
    condition     = length(aws_launch_template.this.credit_specification) == 0
    error_message = "EC2 refuses credits for m7i."
  }
}
