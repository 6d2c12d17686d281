data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

resource "aws_sns_topic" "alarms" {
  #checkov:skip=CKV_AWS_26:encrypted by the environment's key when kms_key_arn is given
  name              = "${var.name}-alarms"
  kms_master_key_id = var.kms_key_arn
}

data "aws_iam_policy_document" "topic" {
  statement {
    sid       = "ServicesOfThisAccountPublish"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alarms.arn]

    principals {
      type = "Service"
      identifiers = [
        "budgets.amazonaws.com", "cloudwatch.amazonaws.com", "costalerts.amazonaws.com", "events.amazonaws.com", "backup.amazonaws.com",
      ]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }

  # ElastiCache says whom it works for by the older key, and publishes to no encrypted topic.
  # https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/ElastiCacheSNS.html
  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [1] : []

    content {
      sid       = "CachesOfThisAccountPublish"
      actions   = ["sns:Publish"]
      resources = [aws_sns_topic.alarms.arn]

      principals {
        type        = "Service"
        identifiers = ["elasticache.amazonaws.com"]
      }

      condition {
        test     = "StringEquals"
        variable = "aws:SourceOwner"
        values   = [data.aws_caller_identity.current.account_id]
      }
    }
  }
}

resource "aws_sns_topic_policy" "alarms" {
  arn    = aws_sns_topic.alarms.arn
  policy = data.aws_iam_policy_document.topic.json
}

resource "aws_sns_topic_subscription" "mail" {
  for_each = var.notify

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.key
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_158:encrypted by the environment's key when kms_key_arn is given, else by CloudWatch's own
  #checkov:skip=CKV_AWS_338:access logs are kept for weeks on purpose, the events of deployments for a year
  for_each = var.log_groups

  name              = "/slipway/${var.name}/${each.key}"
  retention_in_days = each.value
  kms_key_id        = var.kms_key_arn
}

# Lines of the edge's access log and of releasectl's event log. A failed release is one failed phase of its rollout.
locals {
  filters = {
    for k, f in {
      http_requests   = { group = "access", pattern = "{ $.status = * }", value = "1", unit = "Count" }
      http_5xx        = { group = "access", pattern = "{ $.status >= 500 }", value = "1", unit = "Count" }
      http_latency_ms = { group = "access", pattern = "{ $.total_ms = * }", value = "$.total_ms", unit = "Milliseconds" }
      release_failed  = { group = "events", pattern = "{ $.event = \"failed\" && $.txn = * && $.phase != \"undo\" }", value = "1", unit = "Count" }
    } : k => f if contains(keys(var.log_groups), f.group)
  }
}

resource "aws_cloudwatch_log_metric_filter" "this" {
  for_each = local.filters

  name           = each.key
  log_group_name = aws_cloudwatch_log_group.this[each.value.group].name
  pattern        = each.value.pattern

  metric_transformation {
    name      = "${var.name}/${each.key}"
    namespace = "Slipway"
    value     = each.value.value
    unit      = each.value.unit
  }
}
