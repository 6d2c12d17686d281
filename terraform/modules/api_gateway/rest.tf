resource "aws_api_gateway_rest_api" "this" {
  count = local.rest

  name                         = var.name
  description                  = "Prediction API of ${var.name}"
  disable_execute_api_endpoint = var.domain != null
  body                         = jsonencode(local.openapi)

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
