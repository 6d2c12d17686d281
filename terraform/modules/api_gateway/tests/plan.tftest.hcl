provider "aws" {
  # Plans without an account: nothing is called, so the credentials need not be real.
  region                      = "eu-central-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

variables {
  name        = "slipway-dev"
  kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000"
  load_balancer = {
    arn               = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/slipway-dev/0123456789abcdef"
    listener_arn      = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/slipway-dev/0123456789abcdef/0123456789abcdef"
    domain            = "origin.example.com"
    subnet_ids        = ["subnet-a", "subnet-b"]
    security_group_id = "sg-0123456789abcdef0"
  }
}

run "the_load_balancer_is_reached_privately_and_verified" {
  command = plan

  assert {
    condition     = aws_apigatewayv2_integration.this[0].connection_type == "VPC_LINK" && aws_apigatewayv2_integration.this[0].tls_config[0].server_name_to_verify == "origin.example.com"
    error_message = "The way to the load balancer is the VPC link, and its certificate is checked."
  }

  assert {
    condition     = toset(keys(aws_apigatewayv2_route.this)) == toset(["POST /predict", "GET /health", "GET /ready", "GET /version"])
    error_message = "Only the named routes are let through."
  }
}

run "the_load_balancer_learns_who_asks" {
  command = plan

  assert {
    condition     = aws_apigatewayv2_integration.this[0].request_parameters == tomap({ "overwrite:header.x-client-ip" = "$context.identity.sourceIp" })
    error_message = "An HTTP API sends no X-Forwarded-For: the address of the client goes into a header of our own, whatever the client says in it."
  }
}

run "the_load_balancer_of_a_rest_api_learns_who_asks" {
  command = plan

  variables {
    kind = "rest"
  }

  assert {
    condition = alltrue([
      for i in values(local.integrations) : i.requestParameters == { "integration.request.header.x-client-ip" = "context.identity.sourceIp" }
    ])
    error_message = "Every method sends the address of the client."
  }
}

run "requests_are_throttled_and_logged" {
  command = plan

  assert {
    condition     = aws_apigatewayv2_stage.this[0].default_route_settings[0].throttling_rate_limit == 1000 && aws_apigatewayv2_stage.this[0].default_route_settings[0].throttling_burst_limit == 2000
    error_message = "Every route is throttled."
  }

  assert {
    condition     = alltrue([for k in ["status", "duration_ms"] : contains(keys(jsondecode(aws_apigatewayv2_stage.this[0].access_log_settings[0].format)), k)])
    error_message = "The access log says status and duration, as the edge's does."
  }

  assert {
    condition     = aws_cloudwatch_log_group.access.retention_in_days == 30 && aws_cloudwatch_log_group.access.kms_key_id == var.kms_key_arn
    error_message = "The log is encrypted and ends."
  }
}

run "cors_names_origins" {
  command = plan

  variables {
    cors_origins = ["https://app.example.com"]
  }

  assert {
    condition     = toset(aws_apigatewayv2_api.this[0].cors_configuration[0].allow_origins) == toset(["https://app.example.com"])
    error_message = "Only the named origin may call from a browser."
  }
}

run "tokens_are_asked_of_every_route" {
  command = plan

  variables {
    jwt = { issuer = "https://login.example.com", audiences = ["api"] }
  }

  assert {
    condition     = alltrue([for r in aws_apigatewayv2_route.this : r.authorization_type == "JWT"])
    error_message = "With an issuer, no route may be open."
  }
}

run "a_rest_api_refuses_oversized_batches_and_strangers" {
  command = plan

  variables {
    kind  = "rest"
    plans = { free = { keys = ["acme"] } }
  }

  assert {
    condition     = local.predict_schema.properties.instances.maxItems == 100
    error_message = "A batch has at most 100 items."
  }

  assert {
    condition = (
      local.predict_schema.properties.instances.items.minItems == 30 &&
      local.predict_schema.properties.instances.items.maxItems == 30
    )
    error_message = "An instance has exactly 30 numbers."
  }

  assert {
    condition = (
      jsondecode(aws_api_gateway_rest_api.this[0].body)["x-amazon-apigateway-request-validators"].body.validateRequestBody &&
      jsondecode(aws_api_gateway_rest_api.this[0].body).paths["/predict"].post["x-amazon-apigateway-request-validator"] == "body" &&
      jsondecode(aws_api_gateway_rest_api.this[0].body).paths["/predict"].post.requestBody.content["application/json"].schema["$ref"] == "#/components/schemas/PredictRequest" &&
      jsondecode(aws_api_gateway_rest_api.this[0].body).components.schemas.PredictRequest == local.predict_schema
    )
    error_message = "POST /predict is validated against the model."
  }

  assert {
    condition = length(local.operations) == 4 && alltrue(flatten([
      for path in values(jsondecode(aws_api_gateway_rest_api.this[0].body).paths) : [for o in values(path) : can(o.security[0].api_key)]
    ]))
    error_message = "With plans, every method asks for a key."
  }

  assert {
    condition = alltrue([
      for i in values(local.integrations) :
      i.connectionType == "VPC_LINK" && i.connectionId == "$${stageVariables.vpcLinkId}" && i.integrationTarget == var.load_balancer.arn &&
      startswith(i.uri, "https://origin.example.com/")
    ])
    error_message = "The way to the load balancer is the VPC link, and its certificate is checked."
  }

  assert {
    condition     = aws_api_gateway_usage_plan.this["free"].quota_settings[0].limit == 10000 && aws_api_gateway_usage_plan.this["free"].quota_settings[0].period == "DAY"
    error_message = "A plan has its daily quota."
  }
}

run "a_function_is_called_by_this_api_alone" {
  command = plan

  variables {
    load_balancer = null
    function      = { name = "slipway-dev-inference", alias = "live", invoke_arn = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-central-1:123456789012:function:slipway-dev-inference:live/invocations" }
  }

  assert {
    condition = alltrue([
      for p in aws_lambda_permission.this : p.principal == "apigateway.amazonaws.com" && p.qualifier == "live"
    ]) && length(aws_lambda_permission.this) == 4
    error_message = "The alias is invoked by API Gateway, one permission for each route."
  }

  assert {
    condition     = length(aws_apigatewayv2_vpc_link.this) == 0
    error_message = "A function needs no VPC link."
  }
}
