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

run "refuses_a_bad_name" {
  command = plan

  variables {
    name = "Fleet"
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

run "refuses_no_type" {
  command = plan

  variables {
    instance = { types = [] }
  }

  expect_failures = [var.instance]
}

run "refuses_types_of_two_architectures" {
  command = plan

  variables {
    instance = { types = ["t4g.small", "t3.small"] }
  }

  expect_failures = [var.instance]
}

run "refuses_an_unknown_system" {
  command = plan

  variables {
    instance = { os = "solaris" }
  }

  expect_failures = [var.instance]
}

run "refuses_a_wide_metadata_hop" {
  command = plan

  variables {
    instance = { metadata_hop_limit = 9 }
  }

  expect_failures = [var.instance]
}

run "refuses_fewer_at_most_than_at_least" {
  command = plan

  variables {
    size = { min = 3, max = 1 }
  }

  expect_failures = [var.size]
}

run "refuses_a_fleet_of_at_most_none" {
  command = plan

  variables {
    size = { min = 0, max = 0 }
  }

  expect_failures = [var.size]
}

run "refuses_hosts_without_a_bundle" {
  command = plan

  variables {
    converge = { bucket = "bundles", wanted_parameter = "/slipway/slipway-dev/inference/wanted" }
  }

  expect_failures = [aws_autoscaling_group.this]
}

run "refuses_no_time_to_converge" {
  command = plan

  variables {
    converge = { bucket = "bundles", key = "a", wanted_parameter = "/slipway/slipway-dev/inference/wanted", timeout_s = 30 }
  }

  expect_failures = [var.converge]
}

run "refuses_more_spot_than_everything" {
  command = plan

  variables {
    spot = { percent = 120 }
  }

  expect_failures = [var.spot]
}

run "refuses_a_target_of_full_load" {
  command = plan

  variables {
    scaling = { cpu_percent = 100 }
  }

  expect_failures = [var.scaling]
}

run "refuses_no_requests_per_target" {
  command = plan

  variables {
    scaling = { requests_per_target = 0 }
  }

  expect_failures = [var.scaling]
}

run "refuses_a_cron_of_four_fields" {
  command = plan

  variables {
    schedules = { a = { cron = "0 20 * *", min = 0, max = 0 } }
  }

  expect_failures = [var.schedules]
}

run "refuses_a_drain_too_short" {
  command = plan

  variables {
    drain_s = 5
  }

  expect_failures = [var.drain_s]
}

run "refuses_a_warm_pool_of_spot" {
  command = plan

  variables {
    size = { warm = 2 }
    spot = { percent = 50 }
  }

  expect_failures = [aws_autoscaling_group.this]
}

run "refuses_requests_of_nobody_in_particular" {
  command = plan

  variables {
    scaling = { requests_per_target = 500 }
  }

  expect_failures = [aws_autoscaling_group.this]
}

run "refuses_unknown_cpu_credits" {
  command = plan

  variables {
    instance = { cpu_credits = "some" }
  }

  expect_failures = [var.instance]
}
