data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.id

  # Statements whose actions know no resource. Anything else with "*" fails the tests.
  wildcard_reasons = {
    RegistryLogin       = "ecr:GetAuthorizationToken knows no resource"
    PublishMetrics      = "cloudwatch:PutMetricData knows no resource; limited to one namespace"
    SessionChannels     = "ssmmessages channels have no name before they are opened"
    RunCommandMessages  = "ec2messages knows no resource"
    ReadSecretsTogether = "secretsmanager:BatchGetSecretValue knows no resource; each secret needs GetSecretValue as well"
    FindHosts           = "ec2:DescribeInstances knows no resource"
    SeeWhetherKeysAreIn = "ssm:GetCommandInvocation knows no resource"
    ReadTaskDefinition  = "ecs:DescribeTaskDefinition knows no resource"
    TaskShell           = "ssmmessages channels have no name before they are opened"
    FindLogGroups       = "logs:DescribeLogGroups knows no resource"
    FindZones           = "route53:ListHostedZones knows no resource"
    SendTraces          = "xray:Put* knows no resource"
    FootInTheVpc        = "Lambda makes its network interfaces before they have a name"
  }

  pull_actions = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer"]

  roles = merge(
    var.host.enabled ? { host = { service = "ec2", policy = data.aws_iam_policy_document.host.json } } : {},
    var.ecs.enabled ? {
      execution = { service = "ecs-tasks", policy = data.aws_iam_policy_document.execution.json }
      task      = { service = "ecs-tasks", policy = data.aws_iam_policy_document.task.json }
    } : {},
    var.function.enabled ? { function = { service = "lambda", policy = data.aws_iam_policy_document.function.json } } : {},
  )
}

data "aws_iam_policy_document" "trust" {
  for_each = toset(["ec2", "ecs-tasks", "lambda"])

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["${each.key}.amazonaws.com"]
    }

    # EC2 and Lambda take no source condition in a trust policy; ECS does.
    dynamic "condition" {
      for_each = each.key == "ecs-tasks" ? [local.account] : []

      content {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [condition.value]
      }
    }
  }
}

resource "aws_iam_role" "this" {
  for_each = local.roles

  name                 = "${var.name}-${each.key}"
  assume_role_policy   = data.aws_iam_policy_document.trust[each.value.service].json
  permissions_boundary = var.permissions_boundary
}

resource "aws_iam_role_policy" "this" {
  for_each = local.roles

  name   = each.key
  role   = aws_iam_role.this[each.key].id
  policy = each.value.policy
}

resource "aws_iam_instance_profile" "host" {
  count = var.host.enabled ? 1 : 0

  name = "${var.name}-host"
  role = aws_iam_role.this["host"].name
}
