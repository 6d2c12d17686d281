locals {
  # The image serves HTTP on 8080 everywhere; the AWS Lambda Web Adapter, an extension in the image, brings requests there.
  adapter = {
    AWS_LWA_PORT                 = "8080"
    AWS_LWA_READINESS_CHECK_PATH = "/ready"
  }
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_115:a reservation is refused where the account's limit is low, as in new accounts; concurrency.limit sets one
  #checkov:skip=CKV_AWS_116:requests are synchronous: the caller receives the error, nothing is queued
  #checkov:skip=CKV_AWS_117:outside the VPC unless vpc is given: it needs nothing there, and starts quicker
  #checkov:skip=CKV_AWS_173:encrypted by the environment's key when kms_key_arn is given, else by Lambda's own
  #checkov:skip=CKV_AWS_272:code signing does not exist for images; ECR's immutable tags and the digest take its place
  function_name                  = "${var.name}-${var.service}"
  description                    = "Serves ${var.service} at no idle cost"
  package_type                   = "Image"
  image_uri                      = var.image
  role                           = var.role_arn
  architectures                  = [var.size.architecture]
  memory_size                    = var.size.memory
  timeout                        = var.size.timeout_s
  reserved_concurrent_executions = var.concurrency.limit
  kms_key_arn                    = var.kms_key_arn
  publish                        = true

  ephemeral_storage {
    size = var.size.scratch
  }

  environment {
    variables = merge(local.adapter, var.environment)
  }

  tracing_config {
    mode = "Active"
  }

  logging_config {
    log_format = "JSON"
    log_group  = var.log_group
  }

  dynamic "vpc_config" {
    for_each = var.vpc[*]

    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  lifecycle {
    # Deploys publish new images.
    ignore_changes = [image_uri]
  }
}

# What callers name. A rollout moves it to a new version, by weight first; a rollback moves it back.
resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "The version that serves"
  function_name    = aws_lambda_function.this.function_name
  function_version = aws_lambda_function.this.version

  dynamic "routing_config" {
    for_each = var.canary[*]

    content {
      additional_version_weights = { (routing_config.value.version) = routing_config.value.percent / 100 }
    }
  }

  lifecycle {
    ignore_changes = [function_version]
  }
}

resource "aws_lambda_provisioned_concurrency_config" "live" {
  count = var.concurrency.warm > 0 ? 1 : 0

  function_name                     = aws_lambda_function.this.function_name
  qualifier                         = aws_lambda_alias.live.name
  provisioned_concurrent_executions = var.concurrency.warm
}
