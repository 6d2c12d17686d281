data "aws_region" "current" {}

# Container Insights would create it without a retention, and leave it behind.
resource "aws_cloudwatch_log_group" "insights" {
  #checkov:skip=CKV_AWS_158:encrypted by the environment's key when kms_key_arn is given, else by CloudWatch's own
  #checkov:skip=CKV_AWS_338:performance data, which the metrics summarize
  name              = "/aws/ecs/containerinsights/${var.name}/performance"
  retention_in_days = var.insights_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_ecs_cluster" "this" {
  #checkov:skip=CKV_AWS_224:sessions are encrypted by the environment's key when kms_key_arn is given, and are off by default
  name = var.name

  setting {
    name  = "containerInsights"
    value = "enabled"
  }

  configuration {
    execute_command_configuration {
      kms_key_id = var.kms_key_arn
      logging    = "OVERRIDE"

      log_configuration {
        cloud_watch_encryption_enabled = var.kms_key_arn != null
        cloud_watch_log_group_name     = var.log_group
      }
    }
  }

  depends_on = [aws_cloudwatch_log_group.insights]
}

resource "aws_ecs_cluster_capacity_providers" "this" {
  cluster_name       = aws_ecs_cluster.this.name
  capacity_providers = ["FARGATE", "FARGATE_SPOT"]
}

resource "aws_ecs_task_definition" "this" {
  family                   = "${var.name}-${var.service}"
  network_mode             = "awsvpc"
  requires_compatibilities = ["FARGATE"]
  cpu                      = var.task.cpu
  memory                   = var.task.memory
  execution_role_arn       = var.roles.execution
  task_role_arn            = var.roles.task

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.task.architecture
  }

  # Fargate knows no tmpfs: a task-local volume is the writable /tmp of a read-only container.
  volume {
    name = "tmp"
  }

  container_definitions = jsonencode([{
    name                   = var.service
    image                  = var.image
    essential              = true
    user                   = var.task.user
    readonlyRootFilesystem = !var.exec # the agent of ECS Exec writes to the root file system
    stopTimeout            = var.task.stop_s
    environment            = [for k in sort(keys(var.task.environment)) : { name = k, value = var.task.environment[k] }]
    secrets                = [for k in sort(keys(var.task.secrets)) : { name = k, valueFrom = var.task.secrets[k] }]
    portMappings           = [{ containerPort = var.task.port, protocol = "tcp" }]
    mountPoints            = [{ sourceVolume = "tmp", containerPath = "/tmp", readOnly = false }]
    linuxParameters        = { initProcessEnabled = true, capabilities = { drop = ["ALL"] } }

    healthCheck = {
      command = [
        "CMD", "python3", "-c",
        "import urllib.request as r; r.urlopen('http://127.0.0.1:${var.task.port}${var.task.ready_path}', timeout=3)",
      ]
      interval    = 10
      timeout     = 5
      retries     = 3
      startPeriod = 30
    }

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = var.log_group
        awslogs-region        = data.aws_region.current.id
        awslogs-stream-prefix = var.service
      }
    }
  }])
}

resource "aws_ecs_service" "this" {
  name                               = var.service
  cluster                            = aws_ecs_cluster.this.id
  task_definition                    = aws_ecs_task_definition.this.arn
  desired_count                      = var.capacity.min
  platform_version                   = "LATEST"
  enable_execute_command             = var.exec
  enable_ecs_managed_tags            = true
  propagate_tags                     = "SERVICE"
  health_check_grace_period_seconds  = 60
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200

  capacity_provider_strategy {
    capacity_provider = "FARGATE"
    base              = var.capacity.on_demand_base
    weight            = 100 - var.capacity.spot_percent
  }

  dynamic "capacity_provider_strategy" {
    for_each = var.capacity.spot_percent > 0 ? [var.capacity.spot_percent] : []

    content {
      capacity_provider = "FARGATE_SPOT"
      weight            = capacity_provider_strategy.value
    }
  }

  # ECS's own transaction: tasks that do not become healthy take the deployment back.
  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = [aws_security_group.this.id]
    assign_public_ip = false
  }

  load_balancer {
    target_group_arn = var.load_balancer.target_group_arn
    container_name   = var.service
    container_port   = var.task.port
  }

  dynamic "service_registries" {
    for_each = aws_service_discovery_service.this

    content {
      registry_arn = service_registries.value.arn
    }
  }

  lifecycle {
    # Deploys set the task definition, scaling sets the number.
    ignore_changes = [task_definition, desired_count]

    precondition {
      condition     = var.scaling.requests_per_target == null || var.load_balancer.resource_label != null
      error_message = "scaling.requests_per_target needs load_balancer.resource_label, which says whose requests are counted."
    }
  }

  depends_on = [aws_ecs_cluster_capacity_providers.this]
}
