# Snapshots between the backups: quick to take, quick to go back to, in the same account only.

resource "aws_dlm_lifecycle_policy" "this" {
  #checkov:skip=CKV_AWS_256:copies are encrypted by copy.kms_key_arn when given, else by that region's own key
  count = var.snapshots == null ? 0 : 1

  description        = "Volumes of ${var.name} every ${var.snapshots.every_hours} hours"
  execution_role_arn = aws_iam_role.dlm[0].arn
  state              = "ENABLED"

  policy_details {
    resource_types = ["VOLUME"]
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

  name               = "${var.name}-dlm"
  assume_role_policy = data.aws_iam_policy_document.trust["dlm"].json
}

resource "aws_iam_role_policy_attachment" "dlm" {
  count = var.snapshots == null ? 0 : 1

  role       = aws_iam_role.dlm[0].name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AWSDataLifecycleManagerServiceRole"
}
