data "aws_partition" "current" {}
data "aws_caller_identity" "current" {}

data "aws_region" "replica" {
  provider = aws.replica
}

locals {
  # Kinds of backup, each with its own life. Weekly ones run on Sunday, monthly ones on the first, an hour apart.
  rules = {
    for k, r in {
      daily   = { cron = var.schedule.cron, days = var.schedule.daily_days }
      weekly  = { cron = "cron(0 6 ? * SUN *)", days = var.schedule.weekly_days }
      monthly = { cron = "cron(0 7 1 * ? *)", days = var.schedule.monthly_days }
    } : k => r if r.days > 0
  }
}

resource "aws_backup_vault" "this" {
  #checkov:skip=CKV_AWS_166:encrypted by the environment's key when kms_key_arn is given, else by AWS Backup's own
  name          = var.name
  kms_key_arn   = var.kms_key_arn
  force_destroy = var.force_destroy
}

resource "aws_backup_vault" "copy" {
  #checkov:skip=CKV_AWS_166:encrypted by copy.kms_key_arn when given, else by AWS Backup's own
  provider = aws.replica
  for_each = toset(var.copy == null ? [] : [data.aws_region.replica.id])

  name          = "${var.name}-copy"
  kms_key_arn   = var.copy.kms_key_arn
  force_destroy = var.force_destroy
}

resource "aws_backup_plan" "this" {
  name = var.name

  dynamic "rule" {
    for_each = local.rules

    content {
      rule_name         = rule.key
      target_vault_name = aws_backup_vault.this.name
      schedule          = rule.value.cron
      start_window      = 60
      completion_window = 240

      lifecycle {
        delete_after = rule.value.days
      }

      dynamic "copy_action" {
        for_each = aws_backup_vault.copy

        content {
          destination_vault_arn = copy_action.value.arn

          lifecycle {
            delete_after = var.copy.days
          }
        }
      }
    }
  }
}

resource "aws_backup_selection" "this" {
  name         = var.name
  plan_id      = aws_backup_plan.this.id
  iam_role_arn = aws_iam_role.backup.arn

  selection_tag {
    type  = "STRINGEQUALS"
    key   = var.selected_by.key
    value = var.selected_by.value
  }
}

resource "aws_backup_vault_notifications" "this" {
  backup_vault_name   = aws_backup_vault.this.name
  sns_topic_arn       = var.topic_arn
  backup_vault_events = ["BACKUP_JOB_FAILED", "COPY_JOB_FAILED", "RESTORE_JOB_COMPLETED"]
}

data "aws_iam_policy_document" "trust" {
  for_each = toset(["backup", "dlm"])

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["${each.key}.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

resource "aws_iam_role" "backup" {
  name                 = "${var.name}-backup"
  assume_role_policy   = data.aws_iam_policy_document.trust["backup"].json
  permissions_boundary = var.permissions_boundary
}

# AWS keeps these current with the services that it backs up; by hand they would fall behind.
resource "aws_iam_role_policy_attachment" "backup" {
  for_each = toset(["AWSBackupServiceRolePolicyForBackup", "AWSBackupServiceRolePolicyForRestores"])

  role       = aws_iam_role.backup.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/${each.key}"
}
