mock_provider "aws" {
  source = "../../testing"
}

variables {
  name             = "slipway-dev"
  vpc_id           = "vpc-0123456789abcdef0"
  subnet_ids       = ["subnet-a"]
  instance_profile = "slipway-dev-host"
  converge         = { bucket = "bundles", key = "bundles/v1.0.0.tar.gz", wanted_parameter = "/slipway/slipway-dev/inference/wanted" }
  load_balancer    = { target_group_arns = [], security_group_id = "sg-0123456789abcdef0" }
}

run "only_cpu_is_followed_unless_more_is_asked_for" {
  assert {
    condition     = length(aws_autoscaling_policy.requests) == 0 && length(aws_autoscaling_policy.memory) == 0
    error_message = "Requests and memory are options."
  }

  assert {
    condition     = aws_autoscaling_policy.cpu.autoscaling_group_name == output.group_name && output.group_name == "slipway-dev"
    error_message = "The policy scales this group."
  }

  assert {
    condition     = aws_autoscaling_group.this.mixed_instances_policy[0].launch_template[0].launch_template_specification[0].launch_template_id == output.launch_template_id
    error_message = "The group launches from this template."
  }
}
