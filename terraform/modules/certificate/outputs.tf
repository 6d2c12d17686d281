output "arn" {
  description = "The certificate, once it is valid."
  # format() tells the planner that it is never null, so that callers' "certificate given?" is decided before it exists.
  value = format("%s", aws_acm_certificate_validation.this.certificate_arn)
}
