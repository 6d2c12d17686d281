provider "aws" {
  # Plans without an account: nothing is called, so the credentials need not be real.
  region                      = "eu-central-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

provider "aws" {
  alias                       = "replica"
  region                      = "eu-west-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

variables {
  repositories = ["inference"]
  kms_key_arn  = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000"
}

run "tags_never_move_and_images_are_scanned_and_encrypted" {
  command = plan

  assert {
    condition     = aws_ecr_repository.this["inference"].image_tag_mutability == "IMMUTABLE"
    error_message = "A version means one image for ever."
  }

  assert {
    condition     = aws_ecr_repository.this["inference"].image_scanning_configuration[0].scan_on_push
    error_message = "Images are scanned on push."
  }

  assert {
    condition     = aws_ecr_repository.this["inference"].encryption_configuration[0].encryption_type == "KMS" && aws_ecr_repository.this["inference"].encryption_configuration[0].kms_key == var.kms_key_arn
    error_message = "Images are encrypted by the environment's key."
  }

  assert {
    condition     = !aws_ecr_repository.this["inference"].force_delete
    error_message = "A repository that holds images is not deleted by default."
  }
}

run "what_is_deployed_outlives_every_expiry" {
  command = plan

  # ECR: what a rule selects cannot be expired by a rule with a higher number.
  assert {
    condition = alltrue([
      for environment in ["dev", "staging", "prod"] :
      min([
        for r in jsondecode(aws_ecr_lifecycle_policy.this["inference"].policy).rules : r.rulePriority
        if contains(try(r.selection.tagPrefixList, []), "deployed-${environment}-")
      ]...) <
      min([
        for r in jsondecode(aws_ecr_lifecycle_policy.this["inference"].policy).rules : r.rulePriority
        if contains(try(r.selection.tagPrefixList, []), "v") || r.selection.tagStatus == "untagged"
      ]...)
    ])
    error_message = "Images deployed to an environment must be claimed before any rule that expires releases."
  }

  assert {
    condition = alltrue([
      for r in jsondecode(aws_ecr_lifecycle_policy.this["inference"].policy).rules : r.selection.countNumber >= 5
    ])
    error_message = "No rule may keep fewer than a host keeps for rollback, got ${aws_ecr_lifecycle_policy.this["inference"].policy}."
  }
}

run "replication_and_pull_through_are_options" {
  command = plan

  variables {
    replicate    = true
    pull_through = { quay = { upstream = "quay.io" } }
  }

  assert {
    condition = alltrue([
      for c in aws_ecr_repository_creation_template.replica :
      c.image_tag_mutability == "IMMUTABLE" && c.lifecycle_policy == local.lifecycle_policy && toset(c.applied_for) == toset(["REPLICATION"])
    ]) && toset(keys(aws_ecr_repository_creation_template.replica)) == var.repositories
    error_message = "Copies are as immutable as the images, and expire as they do."
  }

  assert {
    condition     = aws_ecr_repository_creation_template.replica["inference"].encryption_configuration[0].encryption_type == "AES256" && length(aws_iam_role.copies) == 0
    error_message = "Without a key there ECR encrypts the copies by itself, and needs no role."
  }

  assert {
    condition = (
      one(aws_ecr_replication_configuration.this[0].replication_configuration[0].rule[0].destination).region == "eu-west-1" &&
      aws_ecr_pull_through_cache_rule.this["quay"].upstream_registry_url == "quay.io"
    )
    error_message = "Asked for, the copy and the cache are made."
  }
}

run "a_repository_that_was_there_before_keeps_its_images" {
  command = plan

  variables {
    repositories = ["inference", "model-tools"]
    adopted      = ["inference"]
    force_delete = true
  }

  assert {
    condition     = !aws_ecr_repository.this["inference"].force_delete && aws_ecr_repository.this["model-tools"].force_delete
    error_message = "Only what was made here may be deleted with images in it."
  }

  assert {
    condition     = keys(aws_ecr_lifecycle_policy.this) == ["model-tools"]
    error_message = "No image of an adopted repository expires."
  }
}

run "copies_are_encrypted_by_the_key_of_their_region" {
  command = plan

  variables {
    replicate           = true
    replica_kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111"
  }

  assert {
    condition = (
      aws_ecr_repository_creation_template.replica["inference"].encryption_configuration[0].encryption_type == "KMS" &&
      aws_ecr_repository_creation_template.replica["inference"].encryption_configuration[0].kms_key == var.replica_kms_key_arn
    )
    error_message = "A copy is encrypted as its image is."
  }

  # https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-creation-templates-custom.html
  assert {
    condition = alltrue([
      for s in jsondecode(data.aws_iam_policy_document.copies[0].json).Statement : contains([
        "arn:aws:ecr:eu-west-1:123456789012:repository/inference*", var.replica_kms_key_arn,
      ], s.Resource)
    ]) && jsondecode(aws_iam_role.copies[0].assume_role_policy).Statement[0].Principal.Service == "ecr.amazonaws.com"
    error_message = "ECR makes a repository under a key by a role only, which is for copies: ${data.aws_iam_policy_document.copies[0].json}"
  }
}
