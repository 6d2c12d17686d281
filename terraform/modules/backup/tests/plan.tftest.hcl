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
  }

  assert {
    condition     = keys(aws_backup_vault.copy) == ["eu-west-1"] && alltrue([for r in aws_backup_plan.this.rule : length(r.copy_action) == 1])
    error_message = "Every backup is copied to the second region."
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
