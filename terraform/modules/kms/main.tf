# One customer-managed key for an environment: one thing to rotate, to audit and to switch off.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account = data.aws_caller_identity.current.account_id
  region  = data.aws_region.current.id
  root    = "arn:${data.aws_partition.current.partition}:iam::${local.account}:root"
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

  source_policy_documents = var.services ? [data.aws_iam_policy_document.services.json] : []

  statement {
    sid       = "AccountDelegatesToIam"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = [local.root]
    }
  }

  dynamic "statement" {
    for_each = length(var.readers) > 0 ? [var.readers] : []

    content {
      sid       = "ReadersDecrypt"
      actions   = ["kms:Decrypt", "kms:DescribeKey"]
      resources = ["*"]

      principals {
        type        = "AWS"
        identifiers = statement.value
      }
    }
  }
}
