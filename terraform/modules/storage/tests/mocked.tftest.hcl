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

run "without_a_key_s3s_own_encryption_is_used" {
  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.this["models"].rule).apply_server_side_encryption_by_default[0].sse_algorithm == "AES256"
    error_message = "A bucket is encrypted with or without a key of ours."
  }

  assert {
    condition     = keys(output.names) == ["models"] && length(output.replica_names) == 0 && output.log_bucket == aws_s3_bucket.logs.id
    error_message = "Outputs name what was made."
  }

  assert {
    condition     = aws_s3_bucket_logging.this["models"].target_bucket == aws_s3_bucket.logs.id
    error_message = "Access to a bucket is logged."
  }
}
