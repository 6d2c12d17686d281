provider "aws" {
  # Plans without an account: nothing is called, so the credentials need not be real.
  region                      = "eu-central-1"
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

override_data {
  target = module.kms.data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

run "the_state_is_versioned_encrypted_and_private" {
  command = plan

  assert {
    condition     = one(aws_s3_bucket_versioning.state.versioning_configuration).status == "Enabled" && one(aws_s3_bucket_server_side_encryption_configuration.state.rule).apply_server_side_encryption_by_default[0].sse_algorithm == "aws:kms"
    error_message = "Old states can be gone back to, and all are encrypted by our key."
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.state.block_public_acls, aws_s3_bucket_public_access_block.state.block_public_policy,
      aws_s3_bucket_public_access_block.state.ignore_public_acls, aws_s3_bucket_public_access_block.state.restrict_public_buckets,
    ])
    error_message = "The state is nobody else's."
  }

  assert {
    condition     = anytrue([for s in jsondecode(aws_s3_bucket_policy.state.policy).Statement : s.Effect == "Deny" && s.Condition.Bool["aws:SecureTransport"] == "false"])
    error_message = "Plain HTTP is refused."
  }
}

run "the_lock_is_a_file_in_the_bucket" {
  command = plan

  assert {
    condition     = output.backend.use_lockfile && length(aws_dynamodb_table.lock) == 0
    error_message = "S3 locks by itself; the table is for older tools."
  }

  assert {
    condition     = strcontains(output.backend_hcl, "bucket       = \"slipway-state-123456789012\"\n") && strcontains(output.backend_hcl, "kms_key_id   = \"alias/slipway-state\"\n")
    error_message = "The file for the backend can be written from the output, got ${output.backend_hcl}."
  }

  assert {
    condition     = output.backend.bucket == "slipway-state-123456789012" && output.backend.kms_key_id == "alias/slipway-state"
    error_message = "The output is what backend.hcl needs, got ${jsonencode(output.backend)}."
  }
}

run "a_lock_table_can_be_asked_for" {
  command = plan

  variables {
    lock_table = true
  }

  assert {
    condition     = aws_dynamodb_table.lock[0].deletion_protection_enabled && aws_dynamodb_table.lock[0].server_side_encryption[0].enabled && output.backend.dynamodb_table == "slipway-state-lock"
    error_message = "The table is protected and encrypted, and named in the backend."
  }
}

run "readers_only_read" {
  command = plan

  variables {
    readers = ["arn:aws:iam::123456789012:role/slipway-dev-ci"]
  }

  assert {
    condition = alltrue(flatten([
      for s in jsondecode(aws_s3_bucket_policy.state.policy).Statement : [for a in flatten([s.Action]) : contains(["s3:GetObject", "s3:ListBucket"], a)] if s.Effect == "Allow"
    ]))
    error_message = "A reader may not write the state."
  }

  assert {
    condition     = [for s in jsondecode(module.kms.policy).Statement : s.Sid] == ["AccountDelegatesToIam", "ReadersDecrypt"]
    error_message = "Readers can decrypt what they read, and no service of an environment uses the key of the state."
  }
}
