locals {
  http_domain = toset(local.http == 1 ? [for d in var.domain[*] : d.name] : [])
  rest_domain = toset(local.rest == 1 ? [for d in var.domain[*] : d.name] : [])
}

resource "aws_apigatewayv2_domain_name" "this" {
  for_each = local.http_domain

  domain_name = each.key

  domain_name_configuration {
    certificate_arn = var.domain.certificate_arn
    endpoint_type   = "REGIONAL"
    security_policy = "TLS_1_2"
  }
}

resource "aws_apigatewayv2_api_mapping" "this" {
  for_each = local.http_domain

  api_id      = aws_apigatewayv2_api.this[0].id
  domain_name = aws_apigatewayv2_domain_name.this[each.key].id
  stage       = aws_apigatewayv2_stage.this[0].id
}

resource "aws_api_gateway_domain_name" "this" {
  for_each = local.rest_domain

  domain_name              = each.key
  regional_certificate_arn = var.domain.certificate_arn
  security_policy          = "TLS_1_2"

  endpoint_configuration {
    types = ["REGIONAL"]
  }
}

resource "aws_api_gateway_base_path_mapping" "this" {
  for_each = local.rest_domain

  api_id      = aws_api_gateway_rest_api.this[0].id
  stage_name  = aws_api_gateway_stage.this[0].stage_name
  domain_name = aws_api_gateway_domain_name.this[each.key].domain_name
}
