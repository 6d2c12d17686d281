mock_provider "aws" {
  source = "../../testing"
}

variables {
  name     = "slipway-dev"
  function = { name = "slipway-dev-inference", alias = "live", invoke_arn = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-central-1:123456789012:function:slipway-dev-inference:live/invocations" }
}

run "refuses_a_bad_name" {
  command = plan

  variables {
    name = "API 1"
  }

  expect_failures = [var.name]
}

run "refuses_an_unknown_kind" {
  command = plan

  variables {
    kind = "soap"
  }

  expect_failures = [var.kind]
}

run "refuses_a_catch_all_route" {
  command = plan

  variables {
    routes = ["ANY /{proxy+}"]
  }

  expect_failures = [var.routes]
}

run "refuses_every_origin" {
  command = plan

  variables {
    cors_origins = ["*"]
  }

  expect_failures = [var.cors_origins]
}

run "refuses_a_burst_below_the_rate" {
  command = plan

  variables {
    throttle = { rate = 100, burst = 10 }
  }

  expect_failures = [var.throttle]
}

run "refuses_an_issuer_without_tls" {
  command = plan

  variables {
    jwt = { issuer = "http://login.example.com", audiences = ["api"] }
  }

  expect_failures = [var.jwt]
}

run "refuses_a_plan_without_quota" {
  command = plan

  variables {
    kind  = "rest"
    plans = { free = { quota_per_day = 0 } }
  }

  expect_failures = [var.plans]
}

run "refuses_a_key_on_two_plans" {
  command = plan

  variables {
    kind  = "rest"
    plans = { free = { keys = ["acme"] }, paid = { keys = ["acme"] } }
  }

  expect_failures = [var.plans]
}

run "refuses_an_empty_batch" {
  command = plan

  variables {
    batch = { max_instances = 0 }
  }

  expect_failures = [var.batch]
}

run "refuses_a_retention_that_cloudwatch_does_not_know" {
  command = plan

  variables {
    log_days = 31
  }

  expect_failures = [var.log_days]
}

run "refuses_an_http_api_without_backend" {
  command = plan

  variables {
    function = null
  }

  expect_failures = [aws_apigatewayv2_api.this]
}

run "refuses_a_rest_api_without_backend" {
  command = plan

  variables {
    kind     = "rest"
    function = null
  }

  expect_failures = [aws_api_gateway_rest_api.this]
}

run "refuses_plans_on_an_http_api" {
  command = plan

  variables {
    plans = { free = {} }
  }

  expect_failures = [aws_apigatewayv2_api.this]
}

run "refuses_cors_on_a_rest_api" {
  command = plan

  variables {
    kind         = "rest"
    cors_origins = ["https://app.example.com"]
  }

  expect_failures = [aws_api_gateway_rest_api.this]
}

run "refuses_a_client_header_that_api_gateway_keeps_for_itself" {
  command = plan

  variables {
    function = null
    load_balancer = {
      arn               = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/slipway-dev/0123456789abcdef"
      listener_arn      = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/slipway-dev/0123456789abcdef/0123456789abcdef"
      domain            = "origin.example.com"
      subnet_ids        = ["subnet-a", "subnet-b"]
      security_group_id = "sg-0123456789abcdef0"
      client_header     = "x-forwarded-for"
    }
  }

  expect_failures = [var.load_balancer]
}
