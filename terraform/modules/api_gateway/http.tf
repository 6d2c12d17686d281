resource "aws_apigatewayv2_api" "this" {
  count = local.http

  name                         = var.name
  protocol_type                = "HTTP"
  disable_execute_api_endpoint = var.domain != null

  dynamic "cors_configuration" {
    for_each = length(var.cors_origins) > 0 ? [var.cors_origins] : []

    content {
      allow_origins = cors_configuration.value
      allow_methods = distinct(concat(["OPTIONS"], [for r in var.routes : split(" ", r)[0]]))
      allow_headers = ["authorization", "content-type"]
      max_age       = 3600
    }
  }

  lifecycle {
    precondition {
      condition     = (var.function == null) != (var.load_balancer == null)
      error_message = "An API has exactly one backend: give function or load_balancer."
    }

    precondition {
      condition     = length(var.plans) == 0
      error_message = "Usage plans and API keys need kind = \"rest\": HTTP APIs know neither."
    }
  }
}

resource "aws_apigatewayv2_integration" "this" {
  count = local.http

  api_id                 = aws_apigatewayv2_api.this[0].id
  integration_type       = var.function != null ? "AWS_PROXY" : "HTTP_PROXY"
  integration_method     = var.function != null ? "POST" : "ANY"
  integration_uri        = var.function != null ? var.function.invoke_arn : try(var.load_balancer.listener_arn, null)
  connection_type        = var.function != null ? "INTERNET" : "VPC_LINK"
  connection_id          = one(aws_apigatewayv2_vpc_link.this[*].id)
  payload_format_version = var.function != null ? "2.0" : "1.0"
  timeout_milliseconds   = 29000
  # An HTTP API names the client in Forwarded only, and lets nobody set X-Forwarded-For.
  request_parameters = var.load_balancer == null ? null : {
    "overwrite:header.${var.load_balancer.client_header}" = "$context.identity.sourceIp"
  }

  dynamic "tls_config" {
    for_each = var.load_balancer[*]

    content {
      server_name_to_verify = tls_config.value.domain
    }
  }
}

resource "aws_apigatewayv2_authorizer" "jwt" {
  count = local.http == 1 && var.jwt != null ? 1 : 0

  api_id           = aws_apigatewayv2_api.this[0].id
  name             = "${var.name}-jwt"
  authorizer_type  = "JWT"
  identity_sources = ["$request.header.Authorization"]

  jwt_configuration {
    issuer   = var.jwt.issuer
    audience = var.jwt.audiences
  }
}

resource "aws_apigatewayv2_route" "this" {
  #checkov:skip=CKV_AWS_309:tokens are an option (jwt); without them the API is public on purpose, and throttled
  for_each = local.http == 1 ? var.routes : []

  api_id             = aws_apigatewayv2_api.this[0].id
  route_key          = each.key
  target             = "integrations/${aws_apigatewayv2_integration.this[0].id}"
  authorization_type = var.jwt == null ? "NONE" : "JWT"
  authorizer_id      = one(aws_apigatewayv2_authorizer.jwt[*].id)
}

resource "aws_apigatewayv2_stage" "this" {
  count = local.http

  api_id      = aws_apigatewayv2_api.this[0].id
  name        = "$default"
  auto_deploy = true

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    format          = local.log_format
  }

  default_route_settings {
    throttling_rate_limit    = var.throttle.rate
    throttling_burst_limit   = var.throttle.burst
    detailed_metrics_enabled = true
  }
}
