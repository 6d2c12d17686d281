provider "aws" {
  # Plans without an account: nothing is called, so the credentials need not be real.
  region                      = "eu-central-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

variables {
  name          = "slipway-dev"
  vpc_id        = "vpc-0123456789abcdef0"
  subnet_ids    = ["subnet-a", "subnet-b"]
  image         = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/inference@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  load_balancer = { target_group_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/blue/0123456789abcdef", security_group_id = "sg-0123456789abcdef0" }
  roles         = { execution = "arn:aws:iam::123456789012:role/slipway-dev-execution", task = "arn:aws:iam::123456789012:role/slipway-dev-task" }
  log_group     = "/slipway/slipway-dev/app"
}

run "a_bad_deployment_takes_itself_back" {
  command = plan

  assert {
    condition     = aws_ecs_service.this.deployment_circuit_breaker[0].enable && aws_ecs_service.this.deployment_circuit_breaker[0].rollback
    error_message = "The circuit breaker must be on, with rollback."
  }

  assert {
    condition     = aws_ecs_service.this.deployment_minimum_healthy_percent == 100
    error_message = "Old tasks stay until new ones are healthy."
  }
}

run "a_container_may_do_little" {
  command = plan

  variables {
    task = { secrets = { API_KEY = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:slipway-dev/api-key" } }
  }

  assert {
    condition = alltrue([
      for c in jsondecode(aws_ecs_task_definition.this.container_definitions) :
      c.readonlyRootFilesystem && c.user == "10001:10001" && c.linuxParameters.capabilities.drop == ["ALL"]
    ])
    error_message = "Containers are non-root, read-only and without capabilities."
  }

  assert {
    condition = alltrue([
      for c in jsondecode(aws_ecs_task_definition.this.container_definitions) :
      c.secrets == [{ name = "API_KEY", valueFrom = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:slipway-dev/api-key" }] && length(c.environment) == 0
    ])
    error_message = "A secret reaches the container by its ARN, never as a value."
  }

  assert {
    condition     = !aws_ecs_service.this.enable_execute_command && !aws_ecs_service.this.network_configuration[0].assign_public_ip
    error_message = "No shell and no public address by default."
  }
}

run "only_the_load_balancer_reaches_the_tasks" {
  command = plan

  assert {
    condition     = aws_vpc_security_group_ingress_rule.load_balancer.referenced_security_group_id == "sg-0123456789abcdef0" && aws_vpc_security_group_ingress_rule.load_balancer.cidr_ipv4 == null
    error_message = "Tasks are reached through the load balancer alone."
  }
}

run "tasks_follow_cpu_memory_and_requests" {
  command = plan

  variables {
    scaling = { requests_per_target = 1000 }
    load_balancer = {
      target_group_arn  = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/blue/0123456789abcdef"
      security_group_id = "sg-0123456789abcdef0"
      resource_label    = "app/slipway-dev/0123456789abcdef/targetgroup/slipway-dev-blue/0123456789abcdef"
    }
  }

  assert {
    condition = { for k, p in aws_appautoscaling_policy.this : k => p.target_tracking_scaling_policy_configuration[0].target_value } == {
      cpu = 70, memory = 80, requests = 1000
    }
    error_message = "CPU at 70 %, memory at 80 %, requests as asked."
  }
}

run "spot_takes_its_share_above_the_base" {
  command = plan

  variables {
    capacity = { min = 2, max = 6, on_demand_base = 2, spot_percent = 75 }
  }

  assert {
    condition = {
      for s in aws_ecs_service.this.capacity_provider_strategy : s.capacity_provider => s.weight
    } == { FARGATE = 25, FARGATE_SPOT = 75 }
    error_message = "The weights must sum to 100 and give Spot its share."
  }

  assert {
    condition     = sum([for s in aws_ecs_service.this.capacity_provider_strategy : s.weight]) == 100
    error_message = "The weights must sum to 100."
  }
}

run "the_cluster_is_watched" {
  command = plan

  assert {
    condition     = one([for s in aws_ecs_cluster.this.setting : s.value if s.name == "containerInsights"]) == "enabled"
    error_message = "Container Insights must be on: alarms read its metrics."
  }
}

run "a_shell_finds_a_file_system_that_it_can_write" {
  command = plan

  variables {
    exec = true
  }

  assert {
    condition     = aws_ecs_service.this.enable_execute_command && !jsondecode(aws_ecs_task_definition.this.container_definitions)[0].readonlyRootFilesystem
    error_message = "The agent of ECS Exec cannot start in a read-only container."
  }
}

run "performance_data_ends" {
  command = plan

  assert {
    condition     = aws_cloudwatch_log_group.insights.name == "/aws/ecs/containerinsights/slipway-dev/performance" && aws_cloudwatch_log_group.insights.retention_in_days == 7
    error_message = "Container Insights would create the group without a retention."
  }
}

run "no_namespace_that_nothing_resolves" {
  command = plan

  assert {
    condition     = length(aws_service_discovery_private_dns_namespace.this) == 0
    error_message = "A private zone costs by the month: only on request."
  }
}

run "off_hours_keep_what_they_set" {
  command = plan

  variables {
    scheduled = true
  }

  assert {
    condition     = length(aws_appautoscaling_target.this) == 0 && aws_appautoscaling_target.scheduled[0].min_capacity == 1 && alltrue([for p in aws_appautoscaling_policy.this : p.resource_id == "service/slipway-dev/inference"])
    error_message = "With scheduled actions of others the bounds are set once; the policies follow the same target."
  }
}
