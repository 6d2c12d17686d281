provider "aws" {
  # Plans without an account: nothing is called, so the credentials need not be real.
  region                      = "eu-central-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

provider "aws" {
  alias                       = "replica"
  region                      = "eu-west-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

variables {
  name        = "slipway-prod"
  kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000"
  buckets = {
    models  = { noncurrent_days = 365, infrequent_in_days = 30, replicate = true }
    bundles = {}
  }
  replica = {
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111"
  }
}

run "every_bucket_is_versioned_encrypted_and_private" {
  command = plan

  assert {
    condition = alltrue([
      for v in concat(values(aws_s3_bucket_versioning.this), values(aws_s3_bucket_versioning.replica), [aws_s3_bucket_versioning.logs]) :
      v.versioning_configuration[0].status == "Enabled"
    ])
    error_message = "Every bucket keeps old versions."
  }

  assert {
    condition = alltrue([
      for e in values(aws_s3_bucket_server_side_encryption_configuration.this) :
      one(e.rule).apply_server_side_encryption_by_default[0].kms_master_key_id == var.kms_key_arn
    ])
    error_message = "Every bucket is encrypted by the environment's key."
  }

  assert {
    condition = alltrue([
      for b in concat(values(aws_s3_bucket_public_access_block.this), values(aws_s3_bucket_public_access_block.replica), [aws_s3_bucket_public_access_block.logs]) :
      b.block_public_acls && b.block_public_policy && b.ignore_public_acls && b.restrict_public_buckets
    ])
    error_message = "Every bucket blocks all four kinds of public access."
  }

  assert {
    condition = (
      length(aws_s3_bucket_public_access_block.this) == length(aws_s3_bucket.this) &&
      length(aws_s3_bucket_versioning.this) == length(aws_s3_bucket.this) &&
      length(aws_s3_bucket_server_side_encryption_configuration.this) == length(aws_s3_bucket.this)
    )
    error_message = "No bucket may lack one of the three protections."
  }
}

run "plain_http_is_refused_everywhere" {
  command = plan

  assert {
    condition = alltrue([
      for d in concat(
        values(data.aws_iam_policy_document.tls_only), values(data.aws_iam_policy_document.replica_tls_only), [data.aws_iam_policy_document.logs],
      ) :
      anytrue([
        for s in jsondecode(d.json).Statement :
        s.Effect == "Deny" && s.Action == "s3:*" && try(s.Condition.Bool["aws:SecureTransport"], "") == "false" && length(s.Resource) == 2
      ])
    ])
    error_message = "Each bucket's policy denies requests without TLS, for the bucket and for its objects."
  }
}

run "the_log_bucket_takes_logs_of_this_account_only" {
  command = plan

  assert {
    condition = alltrue([
      for s in jsondecode(data.aws_iam_policy_document.logs.json).Statement :
      try(
        s.Condition.StringEquals["aws:SourceAccount"] == "123456789012",
        s.Condition.ArnLike["aws:SourceArn"] == "arn:aws:cloudtrail:*:123456789012:trail/*",
        !can(s.Condition) && s.Resource == "arn:aws:s3:::slipway-prod-logs-123456789012/alb/AWSLogs/123456789012/*",
      ) if s.Effect == "Allow"
    ])
    error_message = "Every writer of the log bucket is bound to this account, got ${data.aws_iam_policy_document.logs.json}."
  }

  assert {
    condition = length([
      for s in jsondecode(data.aws_iam_policy_document.logs.json).Statement : s
      if try(s.Principal.Service, "") == "cloudtrail.amazonaws.com" && can(s.Condition.ArnLike["aws:SourceArn"])
    ]) == 2
    error_message = "CloudTrail says which trail it writes for: that is what it is asked by."
  }

  assert {
    condition = [
      for s in jsondecode(data.aws_iam_policy_document.logs.json).Statement : can(s.Condition)
      if try(s.Principal.Service, "") == "logdelivery.elasticloadbalancing.amazonaws.com"
    ] == [false]
    error_message = "A load balancer's log delivery is documented to send no condition key: with a condition it is refused."
  }
}

run "only_what_asks_is_replicated_and_by_a_narrow_role" {
  command = plan

  assert {
    condition     = keys(aws_s3_bucket_replication_configuration.this) == ["models"] && keys(aws_s3_bucket.replica) == ["models"]
    error_message = "Only buckets with replicate = true have a copy."
  }

  assert {
    condition = alltrue([
      for s in jsondecode(data.aws_iam_policy_document.replication[0].json).Statement :
      alltrue([for r in flatten([s.Resource]) : strcontains(r, "slipway-prod-models") || startswith(r, "arn:aws:kms:")])
    ])
    error_message = "The replication role touches the replicated bucket only, got ${data.aws_iam_policy_document.replication[0].json}."
  }
}

run "old_things_go" {
  command = plan

  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.this["models"].rule[0].noncurrent_version_expiration[0].noncurrent_days == 365
    error_message = "Old versions expire as asked."
  }

  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.logs.rule[0].expiration[0].days == 90
    error_message = "Logs expire."
  }

  assert {
    condition     = alltrue([for b in values(aws_s3_bucket.this) : !b.force_destroy]) && !aws_s3_bucket.logs.force_destroy
    error_message = "Buckets with content are not deleted by default."
  }
}
