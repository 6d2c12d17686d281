output "id" {
  description = "CloudWatch dimension of the API: the id of an HTTP API, the name of a REST API."
  value       = var.kind == "http" ? local.api_id : var.name
}

output "api_id" {
  description = "Id of the API."
  value       = local.api_id
}

output "stage" {
  description = "Name of the stage that serves."
  value       = one(concat(aws_apigatewayv2_stage.this[*].name, aws_api_gateway_stage.this[*].stage_name))
}

output "execution_arn" {
  description = "ARN prefix of the API's methods, for permissions to invoke it."
  value       = local.api_arn
}

output "url" {
  description = "URL of the API."
  value = try("https://${var.domain.name}", (
    var.kind == "http" ? one(aws_apigatewayv2_stage.this[*].invoke_url) : one(aws_api_gateway_stage.this[*].invoke_url)
  ))
}

output "alias" {
  description = "Alias target of the custom domain, or null."
  value = var.domain == null ? null : {
    name = one(concat(
      [for d in aws_apigatewayv2_domain_name.this : d.domain_name_configuration[0].target_domain_name],
      [for d in aws_api_gateway_domain_name.this : d.regional_domain_name],
    ))
    zone_id = one(concat(
      [for d in aws_apigatewayv2_domain_name.this : d.domain_name_configuration[0].hosted_zone_id],
      [for d in aws_api_gateway_domain_name.this : d.regional_zone_id],
    ))
  }
}

output "log_group" {
  description = "Log group of the access log."
  value       = aws_cloudwatch_log_group.access.name
}

output "key_ids" {
  description = "API key ids by name; read the values with the AWS CLI."
  value       = { for k, a in aws_api_gateway_api_key.this : k => a.id }
}
