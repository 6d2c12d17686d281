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
  selected_by = { key = "Backup", value = "slipway-prod" }
  topic_arn   = "arn:aws:sns:eu-central-1:123456789012:slipway-prod-alarms"
}

run "each_kind_lives_its_days" {
  command = plan

  variables {
    schedule = { daily_days = 35, weekly_days = 90, monthly_days = 365 }
  }

  assert {
    condition     = { for r in aws_backup_plan.this.rule : r.rule_name => r.lifecycle[0].delete_after } == { daily = 35, weekly = 90, monthly = 365 }
    error_message = "Daily, weekly and monthly backups end on their own day."
  }
}

run "no_backup_starts_in_the_databases_own_window" {
  command = plan

  variables {
    schedule = { monthly_days = 365 }
  }

  # The database module: backups from 2:00, maintenance on Sunday from 3:30. AWS Backup fails within an hour of either.
  assert {
    condition     = alltrue([for r in aws_backup_plan.this.rule : tonumber(regex("^cron\\(0 ([0-9]+) ", r.schedule)[0]) >= 5])
    error_message = "Backups start at 5:00 or later, got ${jsonencode([for r in aws_backup_plan.this.rule : r.schedule])}."
  }
}

run "what_is_tagged_is_backed_up" {
  command = plan

  assert {
    condition     = [for t in aws_backup_selection.this.selection_tag : "${t.key}=${t.value}"] == ["Backup=slipway-prod"]
    error_message = "The tag selects, of this environment only."
  }
}

run "a_second_region_has_copies" {
  command = plan

  variables {
    copy      = { kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000" }
    snapshots = {}

    kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000"
  }

  assert {
    condition     = keys(aws_backup_vault.copy) == ["eu-west-1"] && alltrue([for r in aws_backup_plan.this.rule : length(r.copy_action) == 1])
    error_message = "Every backup is copied to the second region."
  }

  assert {
    condition     = tolist(aws_dlm_lifecycle_policy.this[0].policy_details[0].resource_types) == tolist(["INSTANCE"]) && aws_dlm_lifecycle_policy.this[0].policy_details[0].target_tags == tomap({ Backup = "slipway-prod" })
    error_message = "Snapshots select the hosts that backups select."
  }

  assert {
    condition     = toset(flatten([for s in jsondecode(data.aws_iam_policy_document.dlm_keys[0].json).Statement : s.Resource])) == toset([var.kms_key_arn, var.copy.kms_key_arn])
    error_message = "A copy is decrypted by the key here and encrypted by the key there."
  }

  assert {
    condition     = alltrue([for c in aws_dlm_lifecycle_policy.this[0].policy_details[0].schedule[0].cross_region_copy_rule : c.encrypted && c.target == "eu-west-1"])
    error_message = "Snapshots are copied encrypted."
  }
}

run "only_this_account_assumes_the_role" {
  command = plan

  assert {
    condition = alltrue([
      for s in jsondecode(aws_iam_role.backup.assume_role_policy).Statement : s.Condition.StringEquals["aws:SourceAccount"] == "123456789012"
    ])
    error_message = "The service may act for this account only."
  }
}
