provider "aws" {
  # Plans without an account: nothing is called, so the credentials need not be real.
  region                      = "eu-central-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

variables {
  name        = "slipway-prod"
  vpc_id      = "vpc-0123456789abcdef0"
  vpc_cidr    = "10.30.0.0/16"
  subnet_ids  = ["subnet-a", "subnet-b"]
  log_bucket  = "slipway-prod-logs-123456789012"
  certificate = { arn = "arn:aws:acm:eu-central-1:123456789012:certificate/00000000-0000-0000-0000-000000000000" }
}

run "plain_http_only_redirects_and_tls_is_modern" {
  command = plan

  assert {
    condition     = aws_lb_listener.redirect.default_action[0].type == "redirect" && aws_lb_listener.redirect.default_action[0].redirect[0].protocol == "HTTPS"
    error_message = "Port 80 must do nothing but redirect."
  }

  assert {
    condition     = startswith(aws_lb_listener.https.ssl_policy, "ELBSecurityPolicy-TLS13-1-2")
    error_message = "TLS 1.2 is the oldest allowed, got ${aws_lb_listener.https.ssl_policy}."
  }
}

run "only_the_web_is_open_to_the_world" {
  command = plan

  assert {
    condition     = toset([for r in aws_vpc_security_group_ingress_rule.web : r.from_port]) == toset([80, 443])
    error_message = "Only 80 and 443 may be open."
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.targets.cidr_ipv4 == "10.30.0.0/16"
    error_message = "The load balancer speaks to the VPC alone."
  }
}

run "it_is_protected_logged_and_strict" {
  command = plan

  assert {
    condition     = aws_lb.this.enable_deletion_protection && aws_lb.this.drop_invalid_header_fields && aws_lb.this.access_logs[0].enabled
    error_message = "Deletion protection, header hygiene and access logs are the default."
  }
}

run "traffic_can_be_shared_by_weight_and_stay_put" {
  command = plan

  variables {
    weights      = { blue = 90, green = 10 }
    stickiness_s = 3600
  }

  assert {
    condition     = sum([for g in aws_lb_listener.https.default_action[0].forward[0].target_group : g.weight]) == 100
    error_message = "The weights must sum to 100."
  }

  assert {
    condition     = aws_lb_listener.https.default_action[0].forward[0].stickiness[0].enabled && aws_lb_listener.https.default_action[0].forward[0].stickiness[0].duration == 3600
    error_message = "An A/B test keeps a client with its group."
  }
}

run "the_firewall_limits_rates_and_writes_down_what_it_does" {
  command = plan

  variables {
    waf = { allow_cidrs = ["198.51.100.0/24"], block_cidrs = ["203.0.113.0/24"], rate_limit = 500 }
  }

  assert {
    condition = anytrue([
      for r in aws_wafv2_web_acl.this[0].rule : try(r.statement[0].rate_based_statement[0].limit, 0) == 500 && try(length(r.action[0].block), 0) == 1
    ])
    error_message = "Requests over the rate limit must be blocked."
  }

  assert {
    condition = (
      { for r in aws_wafv2_web_acl.this[0].rule : r.name => r.priority }["allow-list"] <
      { for r in aws_wafv2_web_acl.this[0].rule : r.name => r.priority }["rate-limit"]
    )
    error_message = "Allowed addresses are let through before anything counts them."
  }

  assert {
    condition     = startswith(aws_cloudwatch_log_group.waf[0].name, "aws-waf-logs-") && aws_cloudwatch_log_group.waf[0].retention_in_days == 30
    error_message = "WAF writes only to groups of that name, and they need a retention."
  }
}

run "ordinary_predictions_pass_the_firewall" {
  command = plan

  assert {
    condition = toset(flatten([
      for r in aws_wafv2_web_acl.this[0].rule : [
        for o in try(r.statement[0].managed_rule_group_statement[0].rule_action_override, []) : o.name if length(o.action_to_use[0].count) == 1
      ]
    ])) == toset(["NoUserAgent_HEADER", "SizeRestrictions_BODY"])
    error_message = "A batch is larger than 8 KB, and a program sends no User-Agent: these rules count, they do not block."
  }

  assert {
    condition = [
      for r in aws_wafv2_web_acl.this[0].rule : r.statement[0].rate_based_statement[0] if r.name == "rate-limit"
    ][0].limit >= 60 * 300
    error_message = "A server-side client asks more than 60 times a second."
  }
}

run "behind_a_proxy_clients_are_told_apart_by_their_own_address" {
  command = plan

  variables {
    waf = { rate_by = "FORWARDED_IP" }
  }

  assert {
    condition = [
      for r in aws_wafv2_web_acl.this[0].rule : r.statement[0].rate_based_statement[0].forwarded_ip_config[0].header_name if r.name == "rate-limit"
    ] == ["X-Forwarded-For"]
    error_message = "All requests come from the addresses of the VPC link."
  }
}

run "a_proxy_may_name_its_clients_in_a_header_of_its_own" {
  command = plan

  variables {
    waf = { rate_by = "FORWARDED_IP", rate_header = "x-client-ip", block_cidrs = ["203.0.113.0/24"] }
  }

  assert {
    condition = [
      for r in aws_wafv2_web_acl.this[0].rule : r.statement[0].ip_set_reference_statement[0].ip_set_forwarded_ip_config[0].header_name if r.name == "block-list"
    ] == ["x-client-ip"]
    error_message = "The lists are about clients, not about the proxy."
  }

  assert {
    condition = [
      for r in aws_wafv2_web_acl.this[0].rule : r.statement[0].rate_based_statement[0].forwarded_ip_config[0].header_name if r.name == "rate-limit"
    ] == ["x-client-ip"]
    error_message = "Requests without the header are not limited: it must be the one that the proxy sends."
  }
}

run "a_target_group_that_must_be_replaced_has_another_name" {
  command = plan

  variables {
    name    = "slipway-staging-12345678"
    targets = { type = "ip", port = 8080, protocol = "HTTP" }
  }

  assert {
    condition = alltrue([
      for colour, g in aws_lb_target_group.this :
      length(g.name) <= 32 && g.name != "${var.name}-${colour}${substr(sha1(jsonencode(["instance", 443, "HTTPS"])), 0, 2)}"
    ])
    error_message = "The new one is made before the old one is gone: got ${jsonencode([for g in aws_lb_target_group.this : g.name])}."
  }
}

run "an_idle_connection_ends_here_first" {
  command = plan

  assert {
    condition     = aws_lb.this.idle_timeout == 60
    error_message = "The edge keeps idle connections for 75 s (roles/edge): the load balancer must close first."
  }
}
