# Snapshots between the backups: quick to take, quick to go back to, in the same account only.

locals {
  snapshot_keys = var.copy == null ? [] : concat(var.kms_key_arn[*], var.copy.kms_key_arn[*])
}

resource "aws_dlm_lifecycle_policy" "this" {
  #checkov:skip=CKV_AWS_256:copies are encrypted by copy.kms_key_arn when given, else by that region's own key
  count = var.snapshots == null ? 0 : 1

  description        = "Volumes of ${var.name} every ${var.snapshots.every_hours} hours"
  execution_role_arn = aws_iam_role.dlm[0].arn
  state              = "ENABLED"

  policy_details {
    # An instance is selected, and all of its volumes are taken at the same moment.
    resource_types = ["INSTANCE"]
    target_tags    = { (var.selected_by.key) = var.selected_by.value }

    schedule {
      name      = "between-backups"
      copy_tags = true

      create_rule {
        interval      = var.snapshots.every_hours
        interval_unit = "HOURS"
        times         = ["06:00"]
      }

      retain_rule {
        count = var.snapshots.keep
      }

      dynamic "cross_region_copy_rule" {
        for_each = var.copy[*]

        content {
          target    = data.aws_region.replica.id
          encrypted = true
          cmk_arn   = cross_region_copy_rule.value.kms_key_arn
          copy_tags = true

          retain_rule {
            interval      = cross_region_copy_rule.value.days
            interval_unit = "DAYS"
          }
        }
      }
    }
  }
}

resource "aws_iam_role" "dlm" {
  count = var.snapshots == null ? 0 : 1

  name                 = "${var.name}-dlm"
  assume_role_policy   = data.aws_iam_policy_document.trust["dlm"].json
  permissions_boundary = var.permissions_boundary
}

resource "aws_iam_role_policy_attachment" "dlm" {
  count = var.snapshots == null ? 0 : 1

  role       = aws_iam_role.dlm[0].name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AWSDataLifecycleManagerServiceRole"
}

# AWS's policy has no rights to keys, and a copy in another region is decrypted by the one and encrypted by the other.
data "aws_iam_policy_document" "dlm_keys" {
  count = length(local.snapshot_keys) > 0 ? 1 : 0

  statement {
    sid       = "CopyEncryptedSnapshots"
    actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
    resources = local.snapshot_keys
  }

  statement {
    sid       = "GrantKeysToEc2"
    actions   = ["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"]
    resources = local.snapshot_keys

    condition {
      test     = "Bool"
      variable = "kms:GrantIsForAWSResource"
      values   = ["true"]
    }
  }
}

resource "aws_iam_role_policy" "dlm_keys" {
  count = var.snapshots != null && length(local.snapshot_keys) > 0 ? 1 : 0

  name   = "keys"
  role   = aws_iam_role.dlm[0].id
  policy = data.aws_iam_policy_document.dlm_keys[0].json
}
