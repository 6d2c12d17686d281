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
    name = "DB"
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

run "refuses_a_class_that_is_none" {
  command = plan

  variables {
    instance = { class = "t4g.micro" }
  }

  expect_failures = [var.instance]
}

run "refuses_storage_that_shrinks" {
  command = plan

  variables {
    instance = { storage_gb = 200, max_gb = 100 }
  }

  expect_failures = [var.instance]
}

run "refuses_a_name_that_needs_quotes" {
  command = plan

  variables {
    database = { name = "slip-way" }
  }

  expect_failures = [var.database]
}

run "refuses_to_go_without_backups" {
  command = plan

  variables {
    backup_days = 0
  }

  expect_failures = [var.backup_days]
}

run "refuses_a_retention_that_cloudwatch_does_not_know" {
  command = plan

  variables {
    log_days = 31
  }

  expect_failures = [var.log_days]
}
