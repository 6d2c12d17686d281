# The scheduler calls the AWS API itself: no function to keep alive for it.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account = data.aws_caller_identity.current.account_id
  prefix  = "arn:${data.aws_partition.current.partition}"

  keys      = "${local.prefix}:kms:${data.aws_region.current.id}:${local.account}:key/*"
  instances = var.off_hours == null ? {} : var.off_hours.instances
  databases = var.off_hours == null ? {} : var.off_hours.databases

  # Two calls for each thing that sleeps. Which there are is known before their ids are.
  sleepers = merge(
    { for k in ["hosts"] : k => { service = "ec2", action = "Instances", input = { InstanceIds = values(local.instances) } } if length(local.instances) > 0 },
    { for k, d in local.databases : k => { service = "rds", action = "DBInstance", input = { DbInstanceIdentifier = d } } },
  )
  calls = merge(
    { for k, s in local.sleepers : "sleep-${k}" => { when = var.off_hours.sleep, api = "${s.service}:stop${s.action}", input = s.input } },
    { for k, s in local.sleepers : "wake-${k}" => { when = var.off_hours.wake, api = "${s.service}:start${s.action}", input = s.input } },
  )
}

resource "aws_scheduler_schedule" "this" {
  #checkov:skip=CKV_AWS_297:the input is a list of ids; encrypted by the environment's key when kms_key_arn is given
  for_each = local.calls

  name                         = "${var.name}-${each.key}"
  schedule_expression          = each.value.when
  schedule_expression_timezone = var.off_hours.timezone
  kms_key_arn                  = var.kms_key_arn

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = "${local.prefix}:scheduler:::aws-sdk:${each.value.api}"
    role_arn = aws_iam_role.scheduler[0].arn
    input    = jsonencode(each.value.input)

    retry_policy {
      maximum_retry_attempts       = 3
      maximum_event_age_in_seconds = 3600
    }
  }
}

resource "aws_appautoscaling_scheduled_action" "this" {
  for_each = merge([
    for k, s in(var.off_hours == null ? {} : var.off_hours.services) : {
      "${k}-sleep" = { resource = s.resource, when = var.off_hours.sleep, min = 0, max = 0 }
      "${k}-wake"  = { resource = s.resource, when = var.off_hours.wake, min = s.min, max = s.max }
    }
  ]...)

  name               = "${var.name}-${each.key}"
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = each.value.resource
  schedule           = each.value.when
  timezone           = var.off_hours.timezone

  scalable_target_action {
    min_capacity = each.value.min
    max_capacity = each.value.max
  }
}

data "aws_iam_policy_document" "scheduler_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["scheduler.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

data "aws_iam_policy_document" "scheduler" {
  dynamic "statement" {
    for_each = length(local.instances) > 0 ? [1] : []

    content {
      sid     = "StopAndStartHosts"
      actions = ["ec2:StartInstances", "ec2:StopInstances"]
      # By tag, not by id: a replaced host sleeps as well, and the policy can be read in the plan.
      resources = ["${local.prefix}:ec2:${data.aws_region.current.id}:${local.account}:instance/*"]

      condition {
        test     = "StringEquals"
        variable = "aws:ResourceTag/${var.tag.key}"
        values   = [var.tag.value]
      }
    }
  }

  # Who starts a host lends the key of its volumes to EC2, and the scheduler reads its own input.
  dynamic "statement" {
    for_each = var.kms_alias[*]

    content {
      sid       = "LendTheKeyToEc2"
      actions   = ["kms:CreateGrant"]
      resources = [local.keys]

      condition {
        test     = "ForAnyValue:StringEquals"
        variable = "kms:ResourceAliases"
        values   = [statement.value]
      }

      condition {
        test     = "Bool"
        variable = "kms:GrantIsForAWSResource"
        values   = ["true"]
      }
    }
  }

  dynamic "statement" {
    for_each = var.kms_alias[*]

    content {
      sid       = "DecryptWithOurKey"
      actions   = ["kms:Decrypt", "kms:DescribeKey"]
      resources = [local.keys]

      condition {
        test     = "ForAnyValue:StringEquals"
        variable = "kms:ResourceAliases"
        values   = [statement.value]
      }
    }
  }

  dynamic "statement" {
    for_each = length(local.databases) > 0 ? [1] : []

    content {
      sid       = "StopAndStartDatabases"
      actions   = ["rds:StartDBInstance", "rds:StopDBInstance"]
      resources = ["${local.prefix}:rds:${data.aws_region.current.id}:${local.account}:db:${var.name}*"]
    }
  }
}

resource "aws_iam_role" "scheduler" {
  count = length(local.calls) > 0 ? 1 : 0

  name                 = "${var.name}-off-hours"
  assume_role_policy   = data.aws_iam_policy_document.scheduler_trust.json
  permissions_boundary = var.permissions_boundary
}

resource "aws_iam_role_policy" "scheduler" {
  count = length(local.calls) > 0 ? 1 : 0

  name   = "stop-and-start"
  role   = aws_iam_role.scheduler[0].id
  policy = data.aws_iam_policy_document.scheduler.json
}
