# Building blocks that several roles share; each document is one permission.

data "aws_iam_policy_document" "pull" {
  statement {
    sid       = "RegistryLogin"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }

  dynamic "statement" {
    for_each = length(var.grants.repositories) > 0 ? [var.grants.repositories] : []

    content {
      sid       = "PullImages"
      actions   = local.pull_actions
      resources = statement.value
    }
  }
}

data "aws_iam_policy_document" "read_settings" {
  dynamic "statement" {
    for_each = length(var.grants.secrets) > 0 ? [var.grants.secrets] : []

    content {
      sid       = "ReadSecrets"
      actions   = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]
      resources = statement.value
    }
  }

  dynamic "statement" {
    for_each = length(var.grants.parameters) > 0 ? [var.grants.parameters] : []

    content {
      sid       = "ReadParameters"
      actions   = ["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"]
      resources = statement.value
    }
  }

}

# Several secrets with one call, each only with ReadSecrets: what a deploy does, on a controller or on a host of a fleet.
data "aws_iam_policy_document" "read_together" {
  #checkov:skip=CKV_AWS_356:only the statements listed in wildcard_reasons, whose actions know no resource
  dynamic "statement" {
    for_each = length(var.grants.secrets) > 0 ? [1] : []

    content {
      sid       = "ReadSecretsTogether"
      actions   = ["secretsmanager:BatchGetSecretValue"]
      resources = ["*"]
    }
  }
}

# Of every role: objects, secrets, parameters, shell sessions and images are encrypted by the same key.
data "aws_iam_policy_document" "decrypt" {
  dynamic "statement" {
    for_each = var.grants.kms_alias[*]

    content {
      sid       = "DecryptWithOurKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"]
      resources = ["arn:${local.partition}:kms:${local.region}:${local.account}:key/*"]

      condition {
        test     = "ForAnyValue:StringEquals"
        variable = "kms:ResourceAliases"
        values   = [statement.value]
      }
    }
  }
}

data "aws_iam_policy_document" "read_objects" {
  dynamic "statement" {
    for_each = length(var.grants.read_objects) > 0 ? [var.grants.read_objects] : []

    content {
      sid       = "ReadObjects"
      actions   = ["s3:GetObject", "s3:GetObjectVersion"]
      resources = statement.value
    }
  }

  dynamic "statement" {
    for_each = length(var.grants.read_objects) > 0 ? [distinct([for o in var.grants.read_objects : split("/", o)[0]])] : []

    content {
      sid       = "ListBuckets"
      actions   = ["s3:ListBucket"]
      resources = statement.value
    }
  }
}

data "aws_iam_policy_document" "write_logs" {
  dynamic "statement" {
    for_each = length(var.grants.log_groups) > 0 ? [var.grants.log_groups] : []

    content {
      sid       = "WriteLogs"
      actions   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
      resources = [for g in statement.value : "${trimsuffix(g, ":*")}:*"]
    }
  }
}

data "aws_iam_policy_document" "publish_metrics" {
  statement {
    sid       = "PublishMetrics"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "cloudwatch:namespace"
      values   = [var.grants.metric_namespace]
    }
  }
}
