mock_provider "aws" {
  source = "../../testing"
}

mock_provider "aws" {
  alias  = "replica"
  source = "../../testing"
}

variables {
  name        = "slipway-dev"
  selected_by = { key = "Backup", value = "slipway-dev" }
  topic_arn   = "arn:aws:sns:eu-central-1:123456789012:slipway-dev-alarms"
}

run "backups_go_to_the_vault_and_failures_to_people" {
  assert {
    condition     = alltrue([for r in aws_backup_plan.this.rule : r.target_vault_name == output.vault])
    error_message = "Every rule fills the vault."
  }

  assert {
    condition     = aws_backup_vault_notifications.this.sns_topic_arn == var.topic_arn && contains(aws_backup_vault_notifications.this.backup_vault_events, "BACKUP_JOB_FAILED")
    error_message = "A failed backup is told."
  }

  assert {
    condition     = length(output.copy_vaults) == 0 && length(aws_dlm_lifecycle_policy.this) == 0
    error_message = "Copies and snapshots only when asked for."
  }
}
