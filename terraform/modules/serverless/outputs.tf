output "function_name" {
  description = "The function."
  value       = aws_lambda_function.this.function_name
}

output "function_arn" {
  description = "Its ARN."
  value       = aws_lambda_function.this.arn
}

output "alias" {
  description = "The alias that callers name."
  value       = aws_lambda_alias.live.name
}

output "invoke_arn" {
  description = "What an API's integration calls: the alias."
  value       = aws_lambda_alias.live.invoke_arn
}
