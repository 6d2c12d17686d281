data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition

  # Bucket names are global: the account number keeps ours apart from everybody's.
  names = { for k in keys(var.buckets) : k => "${var.name}-${k}-${local.account}" }
  arns  = { for k, n in local.names : k => "arn:${local.partition}:s3:::${n}" }

  replica_key_arn = var.replica == null ? null : var.replica.kms_key_arn
  replicated      = { for k, b in var.buckets : k => b if b.replicate }
}

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_144:replication is an option per bucket (replicate = true); most content is reproducible
  #checkov:skip=CKV_AWS_145:encrypted by the environment's key when kms_key_arn is given, else by S3's own
  #checkov:skip=CKV2_AWS_62:nothing listens to these buckets
  for_each = var.buckets

  bucket        = local.names[each.key]
  force_destroy = var.force_destroy

  lifecycle {
    precondition {
      condition     = !each.value.replicate || var.replica != null
      error_message = "Bucket ${each.key} asks for replication, but no replica is given (replica)."
    }

    precondition {
      condition     = !each.value.replicate || var.kms_key_arn == null || local.replica_key_arn != null
      error_message = "Bucket ${each.key} is encrypted by a key of this region; its replica needs a key of its own (replica.kms_key_arn)."
    }
  }
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = var.buckets

  bucket = aws_s3_bucket.this[each.key].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = var.buckets

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    # Bucket keys save a call to KMS for every object.
    bucket_key_enabled = var.kms_key_arn != null

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn != null ? "aws:kms" : "AES256"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = var.buckets

  bucket                  = aws_s3_bucket.this[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = var.buckets

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

data "aws_iam_policy_document" "tls_only" {
  for_each = local.arns

  statement {
    sid       = "RefusePlainHttp"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [each.value, "${each.value}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  for_each = var.buckets

  bucket = aws_s3_bucket.this[each.key].id
  policy = data.aws_iam_policy_document.tls_only[each.key].json

  depends_on = [aws_s3_bucket_public_access_block.this]
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each = var.buckets

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    id     = "tidy"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }

    noncurrent_version_expiration {
      noncurrent_days = each.value.noncurrent_days
    }

    dynamic "expiration" {
      for_each = each.value.expire_days[*]

      content {
        days = expiration.value
      }
    }

    dynamic "transition" {
      for_each = each.value.infrequent_in_days[*]

      content {
        days          = transition.value
        storage_class = "STANDARD_IA"
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_logging" "this" {
  for_each = var.buckets

  bucket        = aws_s3_bucket.this[each.key].id
  target_bucket = aws_s3_bucket.logs.id
  target_prefix = "s3/${each.key}/"

  # S3 wants to be let in by the policy before it is told to write.
  depends_on = [aws_s3_bucket_policy.logs]
}
