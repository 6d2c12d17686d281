mock_provider "aws" {
  source = "../../testing"
}

mock_provider "aws" {
  alias  = "replica"
  source = "../../testing"
}

variables {
  name    = "slipway-dev"
  buckets = { models = {} }
}

run "refuses_a_bad_name" {
  command = plan

  variables {
    name = "9lives"
  }

  expect_failures = [var.name]
}

run "refuses_a_bucket_named_like_the_log_bucket" {
  command = plan

  variables {
    buckets = { logs = {} }
  }

  expect_failures = [var.buckets]
}

run "refuses_versions_gone_at_once" {
  command = plan

  variables {
    buckets = { models = { noncurrent_days = 0 } }
  }

  expect_failures = [var.buckets]
}

run "refuses_a_move_that_s3_refuses" {
  command = plan

  variables {
    buckets = { models = { infrequent_in_days = 7 } }
  }

  expect_failures = [var.buckets]
}

run "refuses_logs_gone_at_once" {
  command = plan

  variables {
    log_retention_days = 0
  }

  expect_failures = [var.log_retention_days]
}

run "refuses_replication_to_nowhere" {
  command = plan

  variables {
    buckets = { models = { replicate = true } }
  }

  expect_failures = [aws_s3_bucket.this]
}

run "refuses_a_replica_without_a_key" {
  command = plan

  variables {
    buckets     = { models = { replicate = true } }
    kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/0"
    replica     = {}
  }

  expect_failures = [aws_s3_bucket.this]
}
