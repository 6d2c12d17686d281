mock_provider "aws" {
  source = "../../testing"
}

variables {
  name     = "slipway-dev"
  function = { name = "slipway-dev-inference", alias = "live", invoke_arn = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-central-1:123456789012:function:slipway-dev-inference:live/invocations" }
  domain   = { name = "api.example.com", certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/00000000-0000-0000-0000-000000000000" }
}

run "an_http_api_answers_under_its_domain" {
  assert {
    condition     = output.url == "https://api.example.com" && output.id == aws_apigatewayv2_api.this[0].id
    error_message = "The API answers under its own domain, got ${output.url}."
  }

  assert {
    condition     = aws_apigatewayv2_api.this[0].disable_execute_api_endpoint && output.alias.name != null
    error_message = "AWS's own name must not be a way around the domain."
  }
}

run "a_rest_api_answers_under_its_domain" {
  variables {
    kind  = "rest"
    plans = { free = { keys = ["acme"] }, paid = { rate = 100, burst = 200, keys = ["globex"] } }
  }

  assert {
    condition     = keys(output.key_ids) == ["acme", "globex"] && aws_api_gateway_usage_plan_key.this["globex"].usage_plan_id == aws_api_gateway_usage_plan.this["paid"].id
    error_message = "Each key is on its plan."
  }

  assert {
    condition     = output.id == "slipway-dev" && output.alias.name == aws_api_gateway_domain_name.this["api.example.com"].regional_domain_name
    error_message = "CloudWatch knows a REST API by its name; the record points at its regional domain."
  }

  assert {
    condition     = length(aws_apigatewayv2_api.this) == 0 && length(aws_apigatewayv2_route.this) == 0
    error_message = "One kind at a time."
  }
}
