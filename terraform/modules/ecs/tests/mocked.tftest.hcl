mock_provider "aws" {
  source = "../../testing"
}

variables {
  name          = "slipway-dev"
  vpc_id        = "vpc-0123456789abcdef0"
  subnet_ids    = ["subnet-a", "subnet-b"]
  image         = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/inference@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  load_balancer = { target_group_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/blue/0123456789abcdef", security_group_id = "sg-0123456789abcdef0" }
  roles         = { execution = "arn:aws:iam::123456789012:role/slipway-dev-execution", task = "arn:aws:iam::123456789012:role/slipway-dev-task" }
  log_group     = "/slipway/slipway-dev/app"
  discovery     = "dev.slipway.internal"
}

run "the_service_is_found_and_scaled_by_its_own_name" {
  assert {
    condition     = aws_appautoscaling_target.this[0].resource_id == "service/slipway-dev/inference" && output.scaling_resource == aws_appautoscaling_target.this[0].resource_id
    error_message = "Scaling must name this service, got ${aws_appautoscaling_target.this[0].resource_id}."
  }

  assert {
    condition     = one(aws_ecs_service.this.service_registries).registry_arn == aws_service_discovery_service.this["dev.slipway.internal"].arn
    error_message = "The service registers in its namespace."
  }
}

run "a_deploy_is_not_undone_by_terraform" {
  command = plan

  variables {
    image = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/inference@sha256:1111111111111111111111111111111111111111111111111111111111111111"
  }

  assert {
    condition     = aws_ecs_service.this.task_definition == run.the_service_is_found_and_scaled_by_its_own_name.task_definition_arn
    error_message = "The live task definition is a deploy's business."
  }
}
