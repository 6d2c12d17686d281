data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  flow_group = "/slipway/${var.name}/flow"
  # Built from names, so that the policy can be read in the plan.
  flow_group_arn = join(":", [
    "arn:${data.aws_partition.current.partition}:logs:${data.aws_region.current.id}",
    data.aws_caller_identity.current.account_id, "log-group", local.flow_group,
  ])
}

resource "aws_cloudwatch_log_group" "flow" {
  #checkov:skip=CKV_AWS_158:encrypted by the environment's key when kms_key_arn is given, else by CloudWatch's own
  #checkov:skip=CKV_AWS_338:the environment decides how long; the default is a year
  count = var.flow_logs.enabled ? local.own : 0

  name              = local.flow_group
  retention_in_days = var.flow_logs.retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_flow_log" "this" {
  count = var.flow_logs.enabled ? local.own : 0

  vpc_id          = local.vpc_id
  traffic_type    = var.flow_logs.traffic_type
  iam_role_arn    = aws_iam_role.flow[0].arn
  log_destination = aws_cloudwatch_log_group.flow[0].arn

  tags = { Name = var.name }
}

data "aws_iam_policy_document" "flow_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["vpc-flow-logs.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "flow" {
  count = var.flow_logs.enabled ? local.own : 0

  statement {
    sid       = "WriteTheFlowLogGroup"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]
    resources = ["${local.flow_group_arn}:*"]
  }
}

resource "aws_iam_role" "flow" {
  count = var.flow_logs.enabled ? local.own : 0

  name                 = "${var.name}-flow-logs"
  assume_role_policy   = data.aws_iam_policy_document.flow_trust.json
  permissions_boundary = var.permissions_boundary
}

resource "aws_iam_role_policy" "flow" {
  count = var.flow_logs.enabled ? local.own : 0

  name   = "write-flow-logs"
  role   = aws_iam_role.flow[0].id
  policy = data.aws_iam_policy_document.flow[0].json
}
