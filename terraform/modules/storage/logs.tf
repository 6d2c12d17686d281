# One bucket takes the access logs of the others, of load balancers and of the trail.

locals {
  logs_name = "${var.name}-logs-${local.account}"
  logs_arn  = "arn:${local.partition}:s3:::${local.logs_name}"

  # As each service documents it: CloudTrail says which trail it writes for, S3 which account. The log delivery of load
  # balancers says neither; the account is in its path.
  # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html
  this_account = { test = "StringEquals", variable = "aws:SourceAccount", value = local.account }
  our_trails   = { test = "ArnLike", variable = "aws:SourceArn", value = "arn:${local.partition}:cloudtrail:*:${local.account}:trail/*" }

  writers = {
    s3           = { service = "logging.s3.amazonaws.com", prefix = "s3/*", only = local.this_account }
    loadbalancer = { service = "logdelivery.elasticloadbalancing.amazonaws.com", prefix = "alb/AWSLogs/${local.account}/*", only = null }
    trail        = { service = "cloudtrail.amazonaws.com", prefix = "AWSLogs/${local.account}/*", only = local.our_trails }
  }
}

resource "aws_s3_bucket" "logs" {
  #checkov:skip=CKV_AWS_18:a log bucket that logs its own log writes would never come to rest
  #checkov:skip=CKV_AWS_144:logs are kept in their region
  #checkov:skip=CKV_AWS_145:load balancers can only write to buckets with S3's own key
  #checkov:skip=CKV2_AWS_62:nothing listens to this bucket
  bucket        = local.logs_name
  force_destroy = var.force_destroy
}

resource "aws_s3_bucket_versioning" "logs" {
  bucket = aws_s3_bucket.logs.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "logs" {
  bucket = aws_s3_bucket.logs.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "logs" {
  bucket                  = aws_s3_bucket.logs.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "logs" {
  bucket = aws_s3_bucket.logs.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "logs" {
  bucket = aws_s3_bucket.logs.id

  rule {
    id     = "expire"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }

    expiration {
      days = var.log_retention_days
    }

    noncurrent_version_expiration {
      noncurrent_days = 7
    }
  }

  depends_on = [aws_s3_bucket_versioning.logs]
}

data "aws_iam_policy_document" "logs" {
  statement {
    sid       = "RefusePlainHttp"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [local.logs_arn, "${local.logs_arn}/*"]

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

  dynamic "statement" {
    for_each = local.writers

    content {
      sid       = "Write${title(statement.key)}"
      actions   = ["s3:PutObject"]
      resources = ["${local.logs_arn}/${statement.value.prefix}"]

      principals {
        type        = "Service"
        identifiers = [statement.value.service]
      }

      dynamic "condition" {
        for_each = statement.value.only[*]

        content {
          test     = condition.value.test
          variable = condition.value.variable
          values   = [condition.value.value]
        }
      }
    }
  }

  statement {
    sid       = "TrailReadsAcl"
    actions   = ["s3:GetBucketAcl"]
    resources = [local.logs_arn]

    principals {
      type        = "Service"
      identifiers = ["cloudtrail.amazonaws.com"]
    }

    condition {
      test     = local.our_trails.test
      variable = local.our_trails.variable
      values   = [local.our_trails.value]
    }
  }
}

resource "aws_s3_bucket_policy" "logs" {
  bucket = aws_s3_bucket.logs.id
  policy = data.aws_iam_policy_document.logs.json

  depends_on = [aws_s3_bucket_public_access_block.logs]
}
