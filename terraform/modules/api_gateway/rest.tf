resource "aws_api_gateway_rest_api" "this" {
  count = local.rest

  name                         = var.name
  description                  = "Prediction API of ${var.name}"
  disable_execute_api_endpoint = var.domain != null

  endpoint_configuration {
    types = ["REGIONAL"]
  }

  lifecycle {
    create_before_destroy = true

    precondition {
      condition     = (var.function == null) != (var.load_balancer == null)
      error_message = "An API has exactly one backend: give function or load_balancer."
    }

    precondition {
      condition     = var.jwt == null && length(var.cors_origins) == 0
      error_message = "jwt and cors_origins belong to kind = \"http\"; a REST API is guarded by keys (plans)."
    }
  }
}

locals {
  rest_routes = { for r in var.routes : r => { method = split(" ", r)[0], path = trimprefix(split(" ", r)[1], "/") } if local.rest == 1 }

  # What a prediction request must look like; anything else gets 400 before it costs an invocation.
  predict_schema = jsonencode({
    "$schema" = "http://json-schema.org/draft-04/schema#"
    title     = "PredictRequest"
    type      = "object"
    required  = ["instances"]
    properties = {
      instances = {
        type     = "array"
        minItems = 1
        maxItems = var.batch.max_instances
        items    = { type = "array", minItems = var.batch.features, maxItems = var.batch.features, items = { type = "number" } }
      }
    }
  })
}

resource "aws_api_gateway_model" "predict" {
  count = local.rest

  rest_api_id  = aws_api_gateway_rest_api.this[0].id
  name         = "PredictRequest"
  content_type = "application/json"
  schema       = local.predict_schema
}

resource "aws_api_gateway_request_validator" "body" {
  count = local.rest

  rest_api_id           = aws_api_gateway_rest_api.this[0].id
  name                  = "body"
  validate_request_body = true
}

resource "aws_api_gateway_resource" "this" {
  for_each = toset([for r in values(local.rest_routes) : r.path])

  rest_api_id = aws_api_gateway_rest_api.this[0].id
  parent_id   = aws_api_gateway_rest_api.this[0].root_resource_id
  path_part   = each.key
}

resource "aws_api_gateway_method" "this" {
  #checkov:skip=CKV_AWS_59:callers are known by API key; with no plan the API is public on purpose, and throttled
  #checkov:skip=CKV2_AWS_53:what has a body (POST) is validated; GET requests have none
  for_each = local.rest_routes

  rest_api_id          = aws_api_gateway_rest_api.this[0].id
  resource_id          = aws_api_gateway_resource.this[each.value.path].id
  http_method          = each.value.method
  authorization        = "NONE"
  api_key_required     = length(var.plans) > 0
  request_validator_id = each.value.method == "POST" ? aws_api_gateway_request_validator.body[0].id : null
  request_models       = each.value.method == "POST" ? { "application/json" = aws_api_gateway_model.predict[0].name } : null
}

resource "aws_api_gateway_integration" "this" {
  for_each = local.rest_routes

  rest_api_id             = aws_api_gateway_rest_api.this[0].id
  resource_id             = aws_api_gateway_resource.this[each.value.path].id
  http_method             = aws_api_gateway_method.this[each.key].http_method
  type                    = var.function != null ? "AWS_PROXY" : "HTTP_PROXY"
  integration_http_method = var.function != null ? "POST" : each.value.method
  uri                     = var.function != null ? var.function.invoke_arn : "https://${try(var.load_balancer.domain, "")}/${each.value.path}"
  connection_type         = var.function != null ? "INTERNET" : "VPC_LINK"
  connection_id           = one(aws_apigatewayv2_vpc_link.this[*].id)
  integration_target      = try(var.load_balancer.arn, null)
  timeout_milliseconds    = 29000
}
