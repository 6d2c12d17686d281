mock_provider "aws" {
  source = "../../testing"
}

variables {
  name      = "slipway-dev"
  image     = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/inference@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  role_arn  = "arn:aws:iam::123456789012:role/slipway-dev-function"
  log_group = "/slipway/slipway-dev/app"
}

run "refuses_a_bad_name" {
  command = plan

  variables {
    name = "Slipway"
  }

  expect_failures = [var.name]
}

run "refuses_an_image_by_tag" {
  command = plan

  variables {
    image = "inference:v1.0.0"
  }

  expect_failures = [var.image]
}

run "refuses_memory_out_of_range" {
  command = plan

  variables {
    size = { memory = 64 }
  }

  expect_failures = [var.size]
}

run "refuses_a_timeout_that_the_api_cuts_short" {
  command = plan

  variables {
    size = { timeout_s = 60 }
  }

  expect_failures = [var.size]
}

run "refuses_an_unknown_architecture" {
  command = plan

  variables {
    size = { architecture = "riscv" }
  }

  expect_failures = [var.size]
}

run "refuses_more_warm_than_allowed_at_all" {
  command = plan

  variables {
    concurrency = { limit = 5, warm = 6 }
  }

  expect_failures = [var.concurrency]
}

run "refuses_a_canary_of_everything" {
  command = plan

  variables {
    canary = { version = "2", percent = 100 }
  }

  expect_failures = [var.canary]
}

run "refuses_a_canary_of_an_unpublished_version" {
  command = plan

  variables {
    canary = { version = "$LATEST", percent = 5 }
  }

  expect_failures = [var.canary]
}
