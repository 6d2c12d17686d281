# Copies in the region of the provider aws.replica, for buckets that ask for one.

resource "aws_s3_bucket" "replica" {
  #checkov:skip=CKV_AWS_18:reads of the copy are rare and by hand; the trail records them
  #checkov:skip=CKV_AWS_144:this is the copy
  #checkov:skip=CKV_AWS_145:encrypted by replica.kms_key_arn when given, else by S3's own
  #checkov:skip=CKV2_AWS_62:nothing listens to this bucket
  provider = aws.replica
  for_each = local.replicated

  bucket        = "${local.names[each.key]}-replica"
  force_destroy = var.force_destroy
}

resource "aws_s3_bucket_versioning" "replica" {
  provider = aws.replica
  for_each = local.replicated

  bucket = aws_s3_bucket.replica[each.key].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "replica" {
  provider = aws.replica
  for_each = local.replicated

  bucket = aws_s3_bucket.replica[each.key].id

  rule {
    bucket_key_enabled = local.replica_key_arn != null

    apply_server_side_encryption_by_default {
      sse_algorithm     = local.replica_key_arn != null ? "aws:kms" : "AES256"
      kms_master_key_id = local.replica_key_arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "replica" {
  provider = aws.replica
  for_each = local.replicated

  bucket                  = aws_s3_bucket.replica[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

data "aws_iam_policy_document" "replica_tls_only" {
  for_each = local.replicated

  statement {
    sid       = "RefusePlainHttp"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = ["${local.arns[each.key]}-replica", "${local.arns[each.key]}-replica/*"]

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

resource "aws_s3_bucket_policy" "replica" {
  provider = aws.replica
  for_each = local.replicated

  bucket = aws_s3_bucket.replica[each.key].id
  policy = data.aws_iam_policy_document.replica_tls_only[each.key].json

  depends_on = [aws_s3_bucket_public_access_block.replica]
}

resource "aws_s3_bucket_lifecycle_configuration" "replica" {
  provider = aws.replica
  for_each = local.replicated

  bucket = aws_s3_bucket.replica[each.key].id

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
  }

  depends_on = [aws_s3_bucket_versioning.replica]
}
