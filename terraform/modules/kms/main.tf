# One customer-managed key for an environment: one thing to rotate, to audit and to switch off.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account = data.aws_caller_identity.current.account_id
  region  = data.aws_region.current.id
  root    = "arn:${data.aws_partition.current.partition}:iam::${local.account}:root"
  logs    = "arn:${data.aws_partition.current.partition}:logs:${local.region}:${local.account}"

  # Services that encrypt on our behalf without passing through a caller's own IAM permissions.
  services = [
    "backup.amazonaws.com",
    "budgets.amazonaws.com",
    "cloudwatch.amazonaws.com",
    "costalerts.amazonaws.com",
    "events.amazonaws.com",
  ]
}

resource "aws_kms_key" "this" {
  description             = "Encrypts the data of ${var.name}"
  enable_key_rotation     = true
  deletion_window_in_days = var.deletion_window_days
  policy                  = data.aws_iam_policy_document.key.json
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.this.key_id
}

data "aws_iam_policy_document" "key" {
  # In a key policy "*" means this key, nothing else.
  #checkov:skip=CKV_AWS_109:a key policy's resource "*" is the key itself; the account's IAM policies decide the rest
  #checkov:skip=CKV_AWS_111:a key policy's resource "*" is the key itself; the account's IAM policies decide the rest
  #checkov:skip=CKV_AWS_356:a key policy's resource "*" is the key itself; the account's IAM policies decide the rest

  statement {
    sid       = "AccountDelegatesToIam"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = [local.root]
    }
  }

  statement {
    sid       = "LogGroupsOfThisAccount"
    actions   = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*", "kms:DescribeKey"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.${local.region}.amazonaws.com"]
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
      identifiers = local.services
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

locals {
  autoscaling_role = join("", [
    "arn:${data.aws_partition.current.partition}:iam::${local.account}:role/aws-service-role/",
    "autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling*",
  ])
}
