mock_provider "aws" {
  source = "../../testing"
}

variables {
  name       = "slipway-dev"
  vpc_id     = "vpc-0123456789abcdef0"
  subnet_ids = ["subnet-a", "subnet-b"]
}

run "refuses_a_bad_name" {
  command = plan

  variables {
    name = "Cache"
  }

  expect_failures = [var.name]
}

run "refuses_a_single_zone" {
  command = plan

  variables {
    subnet_ids = ["subnet-a"]
  }

  expect_failures = [var.subnet_ids]
}

run "refuses_a_type_that_is_none" {
  command = plan

  variables {
    nodes = { type = "t4g.micro" }
  }

  expect_failures = [var.nodes]
}

run "refuses_no_node" {
  command = plan

  variables {
    nodes = { count = 0 }
  }

  expect_failures = [var.nodes]
}

run "refuses_snapshots_for_ever" {
  command = plan

  variables {
    snapshot_days = 365
  }

  expect_failures = [var.snapshot_days]
}
