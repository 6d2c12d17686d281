locals {
  waf = var.waf.enabled ? 1 : 0

  # With the address of the client, where it is not the address that connects.
  client_header = var.waf.rate_by == "FORWARDED_IP" ? [var.waf.rate_header] : []

  # Order: the allow list first, then the block list, then the flood, then the managed groups.
  lists = { for k, v in { allow = var.waf.allow_cidrs, block = var.waf.block_cidrs } : k => v if var.waf.enabled && length(v) > 0 }
}

resource "aws_wafv2_ip_set" "this" {
  for_each = local.lists

  name               = "${var.name}-${each.key}"
  scope              = "REGIONAL"
  ip_address_version = "IPV4"
  addresses          = each.value
}

resource "aws_wafv2_web_acl" "this" {
  #checkov:skip=CKV_AWS_192:Log4j patterns are in AWSManagedRulesKnownBadInputsRuleSet, in managed_groups by default
  #checkov:skip=CKV2_AWS_31:logging is aws_wafv2_web_acl_logging_configuration.this below
  count = local.waf

  name  = var.name
  scope = "REGIONAL"

  default_action {
    allow {}
  }

  dynamic "rule" {
    for_each = local.lists

    content {
      name     = "${rule.key}-list"
      priority = rule.key == "allow" ? 1 : 2

      action {
        dynamic "allow" {
          for_each = rule.key == "allow" ? [1] : []
          content {}
        }

        dynamic "block" {
          for_each = rule.key == "block" ? [1] : []
          content {}
        }
      }

      statement {
        ip_set_reference_statement {
          arn = aws_wafv2_ip_set.this[rule.key].arn

          dynamic "ip_set_forwarded_ip_config" {
            for_each = local.client_header

            content {
              header_name       = ip_set_forwarded_ip_config.value
              fallback_behavior = "NO_MATCH"
              position          = "FIRST"
            }
          }
        }
      }

      visibility_config {
        cloudwatch_metrics_enabled = true
        metric_name                = "${rule.key}-list"
        sampled_requests_enabled   = true
      }
    }
  }

  rule {
    name     = "rate-limit"
    priority = 10

    action {
      block {}
    }

    statement {
      rate_based_statement {
        limit              = var.waf.rate_limit
        aggregate_key_type = var.waf.rate_by

        # Requests without the header are not counted together as if they were one client.
        dynamic "forwarded_ip_config" {
          for_each = local.client_header

          content {
            header_name       = forwarded_ip_config.value
            fallback_behavior = "NO_MATCH"
          }
        }
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "rate-limit"
      sampled_requests_enabled   = true
    }
  }

  dynamic "rule" {
    for_each = var.waf.managed_groups

    content {
      name     = rule.value
      priority = 20 + rule.key

      override_action {
        none {}
      }

      statement {
        managed_rule_group_statement {
          vendor_name = "AWS"
          name        = rule.value

          dynamic "rule_action_override" {
            for_each = lookup(var.waf.count_rules, rule.value, [])

            content {
              name = rule_action_override.value

              action_to_use {
                count {}
              }
            }
          }
        }
      }

      visibility_config {
        cloudwatch_metrics_enabled = true
        metric_name                = rule.value
        sampled_requests_enabled   = true
      }
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = var.name
    sampled_requests_enabled   = true
  }
}

resource "aws_wafv2_web_acl_association" "this" {
  count = local.waf

  resource_arn = aws_lb.this.arn
  web_acl_arn  = aws_wafv2_web_acl.this[0].arn
}

resource "aws_cloudwatch_log_group" "waf" {
  #checkov:skip=CKV_AWS_158:encrypted by the environment's key when kms_key_arn is given, else by CloudWatch's own
  #checkov:skip=CKV_AWS_338:requests name people's addresses: kept for weeks on purpose
  count = local.waf

  # WAF only writes to groups whose name begins so.
  name              = "aws-waf-logs-${var.name}"
  retention_in_days = var.waf.log_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_wafv2_web_acl_logging_configuration" "this" {
  count = local.waf

  resource_arn            = aws_wafv2_web_acl.this[0].arn
  log_destination_configs = [aws_cloudwatch_log_group.waf[0].arn]

  redacted_fields {
    single_header {
      name = "authorization"
    }
  }
}
