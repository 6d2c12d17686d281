mock_provider "aws" {
  source = "../../testing"
}

variables {
  domain  = "api.example.com"
  zone_id = "Z0123456789ABCDEFGHIJ"
}

run "the_record_is_the_one_that_acm_asks_for" {
  assert {
    condition     = aws_route53_record.validation.name == "_x.api.example.com" && aws_route53_record.validation.type == "CNAME" && aws_route53_record.validation.zone_id == "Z0123456789ABCDEFGHIJ"
    error_message = "The validation record must be ACM's, in the given zone."
  }

  assert {
    condition     = output.arn == aws_acm_certificate_validation.this.certificate_arn
    error_message = "Callers wait until the certificate is valid."
  }
}

run "refuses_a_name_that_is_no_domain" {
  command = plan

  variables {
    domain = "api"
  }

  expect_failures = [var.domain]
}
