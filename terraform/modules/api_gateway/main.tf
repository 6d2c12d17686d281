# What both kinds share: the access log, and who may call the function.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  http     = var.kind == "http" ? 1 : 0
  rest     = var.kind == "rest" ? 1 : 0
  balanced = var.load_balancer == null ? 0 : 1

  # JSON, with the names that the edge's own access log uses.
  log_format = jsonencode({
    time        = "$context.requestTimeEpoch"
    request_id  = "$context.requestId"
    client      = "$context.identity.sourceIp"
    method      = "$context.httpMethod"
    path        = "$context.path"
    status      = "$context.status"
    bytes       = "$context.responseLength"
    duration_ms = "$context.responseLatency"
  })
}

resource "aws_cloudwatch_log_group" "access" {
  #checkov:skip=CKV_AWS_158:encrypted by the environment's key when kms_key_arn is given, else by CloudWatch's own
  #checkov:skip=CKV_AWS_338:requests name people's addresses: kept for weeks on purpose
  name              = "/slipway/${var.name}/api"
  retention_in_days = var.log_days
  kms_key_id        = var.kms_key_arn
}

# The private way to the load balancer; HTTP and REST APIs share it.
resource "aws_apigatewayv2_vpc_link" "this" {
  count = local.balanced

  name               = var.name
  subnet_ids         = var.load_balancer.subnet_ids
  security_group_ids = [var.load_balancer.security_group_id]
}

locals {
  api_id  = var.kind == "http" ? one(aws_apigatewayv2_api.this[*].id) : one(aws_api_gateway_rest_api.this[*].id)
  api_arn = "arn:${data.aws_partition.current.partition}:execute-api:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:${local.api_id}"
}

resource "aws_lambda_permission" "this" {
  for_each = var.function == null ? [] : var.routes

  statement_id  = "api-${lower(replace(replace(each.key, " /", "-"), "/", "-"))}"
  action        = "lambda:InvokeFunction"
  function_name = var.function.name
  qualifier     = var.function.alias
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${local.api_arn}/*/${replace(each.key, " ", "")}"
}
