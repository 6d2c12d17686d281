mock_provider "aws" {
  source = "../../testing"
}

variables {
  name        = "slipway-dev"
  vpc_id      = "vpc-0123456789abcdef0"
  vpc_cidr    = "10.20.0.0/16"
  subnet_ids  = ["subnet-a", "subnet-b"]
  log_bucket  = "slipway-dev-logs-123456789012"
  certificate = { arn = "arn:aws:acm:eu-central-1:123456789012:certificate/00000000-0000-0000-0000-000000000000" }
}

run "refuses_a_bad_name" {
  command = plan

  variables {
    name = "LB"
  }

  expect_failures = [var.name]
}

run "refuses_the_world_as_vpc" {
  command = plan

  variables {
    vpc_cidr = "0.0.0.0/0"
  }

  expect_failures = [var.vpc_cidr]
}

run "refuses_one_zone" {
  command = plan

  variables {
    subnet_ids = ["subnet-a"]
  }

  expect_failures = [var.subnet_ids]
}

run "refuses_a_web_for_nobody" {
  command = plan

  variables {
    web_cidrs = []
  }

  expect_failures = [var.web_cidrs]
}

run "refuses_an_unknown_target_type" {
  command = plan

  variables {
    targets = { type = "lambda" }
  }

  expect_failures = [var.targets]
}

run "refuses_an_endless_drain" {
  command = plan

  variables {
    targets = { drain_s = 7200 }
  }

  expect_failures = [var.targets]
}

run "refuses_weights_that_do_not_sum_to_100" {
  command = plan

  variables {
    weights = { blue = 90, green = 20 }
  }

  expect_failures = [var.weights]
}

run "refuses_stickiness_for_a_month" {
  command = plan

  variables {
    stickiness_s = 2592000
  }

  expect_failures = [var.stickiness_s]
}

run "refuses_a_rate_limit_too_low_for_waf" {
  command = plan

  variables {
    waf = { rate_limit = 10 }
  }

  expect_failures = [var.waf]
}

run "refuses_a_block_list_of_everything" {
  command = plan

  variables {
    waf = { block_cidrs = ["0.0.0.0/0"] }
  }

  expect_failures = [var.waf]
}

run "refuses_a_network_allowed_and_blocked" {
  command = plan

  variables {
    waf = { allow_cidrs = ["198.51.100.0/24"], block_cidrs = ["198.51.100.0/24"] }
  }

  expect_failures = [var.waf]
}

run "refuses_https_without_a_certificate" {
  command = plan

  variables {
    certificate = {}
  }

  expect_failures = [aws_lb_listener.https]
}

run "refuses_a_domain_without_a_zone" {
  command = plan

  variables {
    certificate = { domain = "api.example.com" }
  }

  expect_failures = [aws_lb_listener.https]
}

run "refuses_an_idle_time_beyond_what_there_is" {
  command = plan

  variables {
    idle_timeout_s = 5000
  }

  expect_failures = [var.idle_timeout_s]
}

run "refuses_to_count_rules_of_a_group_that_is_not_used" {
  command = plan

  variables {
    waf = { count_rules = { AWSManagedRulesSQLiRuleSet = ["SQLi_BODY"] } }
  }

  expect_failures = [var.waf]
}

run "refuses_an_unknown_way_to_tell_clients_apart" {
  command = plan

  variables {
    waf = { rate_by = "COOKIE" }
  }

  expect_failures = [var.waf]
}

run "refuses_a_header_that_is_none" {
  command = plan

  variables {
    waf = { rate_by = "FORWARDED_IP", rate_header = "X Client" }
  }

  expect_failures = [var.waf]
}
