output "function_name" {
  description = "The function."
  value       = aws_lambda_function.this.function_name
}

output "function_arn" {
  description = "Its ARN."
  value       = aws_lambda_function.this.arn
}

output "alias" {
  description = "The alias that callers invoke."
  value       = aws_lambda_alias.live.name
}

output "invoke_arn" {
  description = "Invoke ARN of the alias, for the integration of an API."
  value       = aws_lambda_alias.live.invoke_arn
}
