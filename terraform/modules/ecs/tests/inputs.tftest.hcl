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
}

run "refuses_a_bad_name" {
  command = plan

  variables {
    name = "Slipway"
  }

  expect_failures = [var.name]
}

run "refuses_no_subnet" {
  command = plan

  variables {
    subnet_ids = []
  }

  expect_failures = [var.subnet_ids]
}

run "refuses_an_image_by_tag" {
  command = plan

  variables {
    image = "inference:latest"
  }

  expect_failures = [var.image]
}

run "refuses_an_odd_cpu" {
  command = plan

  variables {
    task = { cpu = 300, memory = 1024 }
  }

  expect_failures = [var.task]
}

run "refuses_memory_that_does_not_fit_the_cpu" {
  command = plan

  variables {
    task = { cpu = 256, memory = 8192 }
  }

  expect_failures = [var.task]
}

run "refuses_an_unknown_architecture" {
  command = plan

  variables {
    task = { architecture = "MIPS" }
  }

  expect_failures = [var.task]
}

run "refuses_a_stop_that_fargate_cuts_short" {
  command = plan

  variables {
    task = { stop_s = 300 }
  }

  expect_failures = [var.task]
}

run "refuses_fewer_at_most_than_at_least" {
  command = plan

  variables {
    capacity = { min = 3, max = 2 }
  }

  expect_failures = [var.capacity]
}

run "refuses_more_than_all_on_spot" {
  command = plan

  variables {
    capacity = { spot_percent = 120 }
  }

  expect_failures = [var.capacity]
}

run "refuses_a_percentage_out_of_range" {
  command = plan

  variables {
    scaling = { cpu_percent = 100 }
  }

  expect_failures = [var.scaling]
}

run "refuses_a_namespace_that_is_no_domain" {
  command = plan

  variables {
    discovery = "internal"
  }

  expect_failures = [var.discovery]
}

run "refuses_to_count_requests_of_nobody" {
  command = plan

  variables {
    scaling = { requests_per_target = 1000 }
  }

  expect_failures = [aws_ecs_service.this]
}
