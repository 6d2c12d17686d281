# The services of an environment that use its key without passing through a caller's own IAM permissions.

locals {
  logs = "arn:${data.aws_partition.current.partition}:logs:${local.region}:${local.account}"

  notifiers = [
    "backup.amazonaws.com",
    "budgets.amazonaws.com",
    "cloudwatch.amazonaws.com",
    "costalerts.amazonaws.com",
    "events.amazonaws.com",
  ]

  autoscaling_role = join("", [
    "arn:${data.aws_partition.current.partition}:iam::${local.account}:role/aws-service-role/",
    "autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling*",
  ])
}

data "aws_iam_policy_document" "services" {
  #checkov:skip=CKV_AWS_109:a key policy's resource "*" is the key itself; the account's IAM policies decide the rest
  #checkov:skip=CKV_AWS_111:a key policy's resource "*" is the key itself; the account's IAM policies decide the rest
  #checkov:skip=CKV_AWS_356:a key policy's resource "*" is the key itself; the account's IAM policies decide the rest

  statement {
    sid       = "LogGroupsOfThisAccount"
    actions   = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*", "kms:DescribeKey"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.${local.region}.${data.aws_partition.current.dns_suffix}"]
    }

    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = ["${local.logs}:*"]
    }
  }

  statement {
    sid       = "AlarmsAndBudgetsOfThisAccount"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey*", "kms:DescribeKey"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = local.notifiers
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }

  statement {
    sid       = "TrailsOfThisAccount"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey*", "kms:DescribeKey"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["cloudtrail.amazonaws.com"]
    }

    # CloudTrail is documented to say which trail it encrypts for.
    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${data.aws_partition.current.partition}:cloudtrail:*:${local.account}:trail/*"]
    }
  }

  # Auto Scaling starts instances with encrypted volumes under its own service-linked role. Naming the account would only
  # delegate to IAM, and that role's policy is AWS's own and has no KMS action. Naming the role fails before it exists.
  dynamic "statement" {
    for_each = {
      AutoScalingVolumes = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*", "kms:DescribeKey"]
      AutoScalingGrants  = ["kms:CreateGrant"]
    }

    content {
      sid       = statement.key
      actions   = statement.value
      resources = ["*"]

      principals {
        type        = "AWS"
        identifiers = ["*"]
      }

      condition {
        test     = "StringEquals"
        variable = "kms:CallerAccount"
        values   = [local.account]
      }

      condition {
        test     = "ArnLike"
        variable = "aws:PrincipalArn"
        values   = [local.autoscaling_role]
      }

      dynamic "condition" {
        for_each = statement.key == "AutoScalingGrants" ? [1] : []

        content {
          test     = "Bool"
          variable = "kms:GrantIsForAWSResource"
          values   = ["true"]
        }
      }
    }
  }
}
