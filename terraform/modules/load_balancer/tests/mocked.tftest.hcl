mock_provider "aws" {
  source = "../../testing"
}

variables {
  name        = "slipway-dev"
  vpc_id      = "vpc-0123456789abcdef0"
  vpc_cidr    = "10.20.0.0/16"
  subnet_ids  = ["subnet-a", "subnet-b"]
  log_bucket  = "slipway-dev-logs-123456789012"
  certificate = { domain = "api.example.com", zone_id = "Z0123456789ABCDEFGHIJ" }
}

run "a_certificate_is_issued_and_used" {
  assert {
    condition     = aws_lb_listener.https.certificate_arn == module.certificate["api.example.com"].arn
    error_message = "The listener waits for the validated certificate."
  }

  assert {
    condition     = keys(output.target_group_arns) == ["blue", "green"] && aws_wafv2_web_acl_association.this[0].resource_arn == aws_lb.this.arn
    error_message = "Both colours exist, and the firewall stands in front."
  }
}

run "no_two_firewall_rules_share_a_priority" {
  variables {
    waf = { allow_cidrs = ["198.51.100.0/24"], block_cidrs = ["203.0.113.0/24"] }
  }

  assert {
    condition = (
      length(aws_wafv2_web_acl.this[0].rule) == 6 &&
      length(distinct([for r in aws_wafv2_web_acl.this[0].rule : r.priority])) == 6
    )
    error_message = "Two lists, a rate limit and three managed groups make six rules, each with its own priority."
  }
}

run "the_firewall_can_be_left_out" {
  variables {
    waf = { enabled = false }
  }

  assert {
    condition     = length(aws_wafv2_web_acl.this) == 0 && length(aws_cloudwatch_log_group.waf) == 0
    error_message = "Switched off, nothing of it may remain (it costs by the rule)."
  }
}
