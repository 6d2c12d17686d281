# A REST API's stage: what is deployed, logged, throttled, and on which plan.

resource "aws_api_gateway_deployment" "this" {
  count = local.rest

  rest_api_id = aws_api_gateway_rest_api.this[0].id

  # A REST API serves a snapshot: a change of routes, model or backend must make a new one.
  triggers = {
    content = sha1(aws_api_gateway_rest_api.this[0].body)
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_stage" "this" {
  #checkov:skip=CKV_AWS_120:predictions are POST requests, which a cache does not hold
  #checkov:skip=CKV2_AWS_29:throttling, keys and validation guard the API; a firewall costs more than the API itself
  #checkov:skip=CKV2_AWS_51:callers are known by API key, not by client certificate
  #checkov:skip=CKV2_AWS_77:throttling, keys and validation guard the API; a firewall costs more than the API itself
  count = local.rest

  rest_api_id          = aws_api_gateway_rest_api.this[0].id
  deployment_id        = aws_api_gateway_deployment.this[0].id
  stage_name           = "v1"
  xray_tracing_enabled = true
  variables            = var.load_balancer == null ? null : { vpcLinkId = aws_apigatewayv2_vpc_link.this[0].id }

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    format          = local.log_format
  }

  depends_on = [aws_api_gateway_account.this, aws_cloudwatch_log_group.execution]
}

# API Gateway would create it without a retention, and leave it behind.
resource "aws_cloudwatch_log_group" "execution" {
  #checkov:skip=CKV_AWS_158:encrypted by the environment's key when kms_key_arn is given, else by CloudWatch's own
  #checkov:skip=CKV_AWS_338:errors of single requests: kept as long as the access log
  count = local.rest

  name              = "API-Gateway-Execution-Logs_${aws_api_gateway_rest_api.this[0].id}/v1"
  retention_in_days = var.log_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_api_gateway_method_settings" "all" {
  #checkov:skip=CKV_AWS_225:predictions are POST requests, which a cache does not hold
  #checkov:skip=CKV_AWS_308:there is no cache to encrypt
  count = local.rest

  rest_api_id = aws_api_gateway_rest_api.this[0].id
  stage_name  = aws_api_gateway_stage.this[0].stage_name
  method_path = "*/*"

  settings {
    metrics_enabled        = true
    logging_level          = "ERROR"
    data_trace_enabled     = false
    throttling_rate_limit  = var.throttle.rate
    throttling_burst_limit = var.throttle.burst
  }
}

resource "aws_api_gateway_usage_plan" "this" {
  for_each = local.rest == 1 ? var.plans : {}

  name = "${var.name}-${each.key}"

  api_stages {
    api_id = aws_api_gateway_rest_api.this[0].id
    stage  = aws_api_gateway_stage.this[0].stage_name
  }

  throttle_settings {
    rate_limit  = each.value.rate
    burst_limit = each.value.burst
  }

  quota_settings {
    limit  = each.value.quota_per_day
    period = "DAY"
  }
}

locals {
  keys = merge([for plan, p in var.plans : { for k in p.keys : k => plan if local.rest == 1 }]...)
}

# AWS makes the value; it is read by `aws apigateway get-api-key --include-value`, never set from here.
resource "aws_api_gateway_api_key" "this" {
  for_each = local.keys

  name = "${var.name}-${each.key}"
}

resource "aws_api_gateway_usage_plan_key" "this" {
  for_each = local.keys

  key_id        = aws_api_gateway_api_key.this[each.key].id
  key_type      = "API_KEY"
  usage_plan_id = aws_api_gateway_usage_plan.this[each.value].id
}

data "aws_iam_policy_document" "logging_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["apigateway.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "logging" {
  count = local.rest == 1 && var.account_logging_role ? 1 : 0

  name                 = "${var.name}-api-logs"
  assume_role_policy   = data.aws_iam_policy_document.logging_trust.json
  permissions_boundary = var.permissions_boundary
}

resource "aws_iam_role_policy_attachment" "logging" {
  count = length(aws_iam_role.logging)

  role       = aws_iam_role.logging[0].name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
}

resource "aws_api_gateway_account" "this" {
  count = length(aws_iam_role.logging)

  cloudwatch_role_arn = aws_iam_role.logging[0].arn

  depends_on = [aws_iam_role_policy_attachment.logging]
}
