# Copies of the images in a second region.

data "aws_region" "replica" {
  provider = aws.replica
}

# The replication of an account and region is one setting: this replaces what was set before.
resource "aws_ecr_replication_configuration" "this" {
  count = var.replicate ? 1 : 0

  replication_configuration {
    rule {
      destination {
        region      = data.aws_region.replica.id
        registry_id = data.aws_caller_identity.current.account_id
      }

      dynamic "repository_filter" {
        for_each = var.repositories

        content {
          filter      = repository_filter.value
          filter_type = "PREFIX_MATCH"
        }
      }
    }
  }
}

# ECR makes the repository of the copies at the first push, from this.
resource "aws_ecr_repository_creation_template" "replica" {
  provider = aws.replica
  for_each = var.replicate ? setsubtract(var.repositories, var.adopted) : []

  prefix               = each.key
  description          = "Copies of ${each.key} from another region"
  applied_for          = ["REPLICATION"]
  image_tag_mutability = "IMMUTABLE"
  lifecycle_policy     = local.lifecycle_policy
  custom_role_arn      = one(aws_iam_role.copies[*].arn)

  encryption_configuration {
    encryption_type = var.replica_kms_key_arn == null ? "AES256" : "KMS"
    kms_key         = var.replica_kms_key_arn
  }

  depends_on = [aws_ecr_replication_configuration.this]
}

locals {
  # ECR needs a role of ours to make a repository under a key:
  # https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-creation-templates-custom.html
  copies_role = var.replicate && var.replica_kms_key_arn != null && length(local.copies) > 0 ? 1 : 0
  copies = [
    for r in setsubtract(var.repositories, var.adopted) :
    "arn:${data.aws_partition.current.partition}:ecr:${data.aws_region.replica.id}:${data.aws_caller_identity.current.account_id}:repository/${r}*"
  ]
}

data "aws_iam_policy_document" "copies_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecr.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "copies" {
  count = local.copies_role

  statement {
    sid       = "MakeRepositoriesOfCopies"
    actions   = ["ecr:CreateRepository", "ecr:ReplicateImage", "ecr:TagResource"]
    resources = local.copies
  }

  statement {
    sid       = "EncryptThemByTheKey"
    actions   = ["kms:CreateGrant", "kms:DescribeKey", "kms:RetireGrant"]
    resources = [var.replica_kms_key_arn]
  }
}

resource "aws_iam_role" "copies" {
  count = local.copies_role

  name                 = "${var.name}-image-copies"
  assume_role_policy   = data.aws_iam_policy_document.copies_trust.json
  permissions_boundary = var.permissions_boundary
}

resource "aws_iam_role_policy" "copies" {
  count = local.copies_role

  name   = "make-copies"
  role   = aws_iam_role.copies[0].id
  policy = data.aws_iam_policy_document.copies[0].json
}
