data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

resource "aws_ecr_repository" "this" {
  for_each = var.repositories

  name                 = each.key
  image_tag_mutability = "IMMUTABLE"
  force_delete         = var.force_delete && !contains(var.adopted, each.key)

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = var.kms_key_arn
  }

  lifecycle {
    # Encryption is chosen when a repository is made: another one would replace it, images and all.
    ignore_changes = [encryption_configuration]
  }
}

locals {
  # An image that a rule selects cannot be expired by a rule of lower priority (a higher number). A deploy adds the tag
  # deployed-<environment>-<version> to the image it puts live, so what runs, and what a rollback needs, stays.
  environments = sort(tolist(var.retention.environments))
  protect_rules = [
    for i, environment in local.environments : {
      rulePriority = i + 1
      description  = "keep the last ${var.retention.deployed} images deployed to ${environment}"
      selection = {
        tagStatus     = "tagged"
        tagPrefixList = ["deployed-${environment}-"]
        countType     = "imageCountMoreThan"
        countNumber   = var.retention.deployed
      }
      action = { type = "expire" }
    }
  ]
  expire_rules = [
    {
      rulePriority = 100
      description  = "keep the last ${var.retention.releases} releases"
      selection = {
        tagStatus     = "tagged"
        tagPrefixList = ["v"]
        countType     = "imageCountMoreThan"
        countNumber   = var.retention.releases
      }
      action = { type = "expire" }
    },
  ]
  untagged_rules = [
    {
      rulePriority = 200
      description  = "expire untagged images"
      selection = {
        tagStatus   = "untagged"
        countType   = "sinceImagePushed"
        countUnit   = "days"
        countNumber = var.retention.untagged_days
      }
      action = { type = "expire" }
    },
  ]
}

locals {
  lifecycle_policy = jsonencode({ rules = concat(local.protect_rules, local.expire_rules, local.untagged_rules) })
}

# Images that were there before have an owner who knows which of them are needed: nothing expires them.
resource "aws_ecr_lifecycle_policy" "this" {
  for_each = setsubtract(var.repositories, var.adopted)

  repository = aws_ecr_repository.this[each.key].name
  policy     = local.lifecycle_policy
}

resource "aws_ecr_pull_through_cache_rule" "this" {
  for_each = var.pull_through

  ecr_repository_prefix = each.key
  upstream_registry_url = each.value.upstream
  credential_arn        = each.value.credential_arn
}
