# What a REST API answers, as its own description: a backend behind a VPC link of version 2 has an argument in late
# releases of provider 6 only, while OpenAPI has had it from the start. https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-private-integration.html

locals {
  rest_routes = { for r in var.routes : r => { method = split(" ", r)[0], path = split(" ", r)[1] } if local.rest == 1 }

  # The body of a prediction request; anything else gets 400 before it costs an invocation.
  predict_schema = {
    type     = "object"
    required = ["instances"]
    properties = {
      instances = {
        type     = "array"
        minItems = 1
        maxItems = var.batch.max_instances
        items    = { type = "array", minItems = var.batch.features, maxItems = var.batch.features, items = { type = "number" } }
      }
    }
  }

  integrations = {
    for r, route in local.rest_routes : r => merge(
      { timeoutInMillis = 29000, passthroughBehavior = "when_no_match" },
      var.function != null ? {
        type       = "aws_proxy"
        httpMethod = "POST"
        uri        = var.function.invoke_arn
      } : null,
      var.load_balancer == null ? null : {
        type              = "http_proxy"
        httpMethod        = route.method
        uri               = "https://${var.load_balancer.domain}${route.path}"
        connectionType    = "VPC_LINK"
        connectionId      = "$${stageVariables.vpcLinkId}"
        integrationTarget = var.load_balancer.arn
        requestParameters = { "integration.request.header.${var.load_balancer.client_header}" = "context.identity.sourceIp" }
      },
    )
  }

  operations = {
    for r, route in local.rest_routes : r => merge(
      {
        responses                       = { default = { description = "The answer of the service." } }
        x-amazon-apigateway-integration = local.integrations[r]
      },
      length(var.plans) > 0 ? { security = [{ api_key = [] }] } : null,
      route.method != "POST" ? null : {
        x-amazon-apigateway-request-validator = "body"
        requestBody = {
          required = true
          content  = { "application/json" = { schema = { "$ref" = "#/components/schemas/PredictRequest" } } }
        }
      },
    )
  }

  openapi = {
    openapi = "3.0.1"
    info    = { title = var.name, version = "1" }
    paths = {
      for path in distinct([for route in values(local.rest_routes) : route.path]) : path => {
        for r, route in local.rest_routes : lower(route.method) => local.operations[r] if route.path == path
      }
    }
    components = {
      schemas         = { PredictRequest = local.predict_schema }
      securitySchemes = { api_key = { type = "apiKey", name = "x-api-key", in = "header" } }
    }
    x-amazon-apigateway-request-validators = { body = { validateRequestBody = true, validateRequestParameters = false } }
  }
}
