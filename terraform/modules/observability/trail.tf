locals {
  trail_name  = "${var.name}-trail"
  trail_group = "/slipway/${var.name}/trail"
  trail_group_arn = join(":", [
    "arn:${data.aws_partition.current.partition}:logs:${data.aws_region.current.id}",
    data.aws_caller_identity.current.account_id, "log-group", local.trail_group,
  ])
}

resource "aws_cloudtrail" "this" {
  #checkov:skip=CKV_AWS_35:encrypted by the environment's key when kms_key_arn is given
  #checkov:skip=CKV_AWS_252:the log group and the alarms of the trail send notifications; a message per delivered file is noise
  count = var.trail == null ? 0 : 1

  name                          = local.trail_name
  s3_bucket_name                = var.trail.bucket
  is_multi_region_trail         = true
  include_global_service_events = true
  enable_log_file_validation    = true
  kms_key_id                    = var.kms_key_arn
  cloud_watch_logs_group_arn    = "${aws_cloudwatch_log_group.trail[0].arn}:*"
  cloud_watch_logs_role_arn     = aws_iam_role.trail[0].arn
}

resource "aws_cloudwatch_log_group" "trail" {
  #checkov:skip=CKV_AWS_158:encrypted by the environment's key when kms_key_arn is given, else by CloudWatch's own
  #checkov:skip=CKV_AWS_338:the environment decides how long; the default is a year
  count = var.trail == null ? 0 : 1

  name              = local.trail_group
  retention_in_days = var.trail.retention_days
  kms_key_id        = var.kms_key_arn
}

# Without a condition, as CloudTrail documents it. The role can write to the trail's log group only.
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-required-policy-for-cloudwatch-logs.html
data "aws_iam_policy_document" "trail_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["cloudtrail.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "trail" {
  statement {
    sid       = "WriteTheTrailsGroup"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${local.trail_group_arn}:log-stream:*"]
  }
}

resource "aws_iam_role" "trail" {
  count = var.trail == null ? 0 : 1

  name                 = local.trail_name
  assume_role_policy   = data.aws_iam_policy_document.trail_trust.json
  permissions_boundary = var.permissions_boundary
}

resource "aws_iam_role_policy" "trail" {
  count = var.trail == null ? 0 : 1

  name   = "write-logs"
  role   = aws_iam_role.trail[0].id
  policy = data.aws_iam_policy_document.trail.json
}
