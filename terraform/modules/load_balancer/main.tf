resource "aws_lb" "this" {
  #checkov:skip=CKV2_AWS_76:Log4j patterns are in AWSManagedRulesKnownBadInputsRuleSet, in waf.managed_groups by default
  #checkov:skip=CKV2_AWS_28:the firewall is in waf.tf, on unless waf.enabled = false
  #checkov:skip=CKV2_AWS_20:port 80 redirects to HTTPS (aws_lb_listener.redirect)
  #checkov:skip=CKV_AWS_150:deletion protection follows protected, which is false only in environments that are thrown away
  name                       = var.name
  internal                   = var.internal
  load_balancer_type         = "application"
  subnets                    = var.subnet_ids
  security_groups            = [aws_security_group.this.id]
  enable_deletion_protection = var.protected
  drop_invalid_header_fields = true
  idle_timeout               = var.idle_timeout_s
  desync_mitigation_mode     = "defensive"

  access_logs {
    bucket  = var.log_bucket
    prefix  = "alb"
    enabled = true
  }
}

# A change of type, port or protocol replaces a target group, the new one before the old one: its name must differ.
locals {
  variant = substr(sha1(jsonencode([var.targets.type, var.targets.port, var.targets.protocol])), 0, 2)
}

# Blue and green are target groups, so that two versions, or two fleets, can share the traffic by weight.
resource "aws_lb_target_group" "this" {
  #checkov:skip=CKV_AWS_378:targets speak HTTP only inside the VPC, where the containers have no TLS of their own (ECS)
  for_each = var.weights

  name                 = "${var.name}-${each.key}${local.variant}"
  vpc_id               = var.vpc_id
  target_type          = var.targets.type
  port                 = var.targets.port
  protocol             = var.targets.protocol
  deregistration_delay = var.targets.drain_s

  health_check {
    path                = var.targets.ready_path
    protocol            = var.targets.protocol
    matcher             = "200"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.this.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = local.certificate_arn

  default_action {
    type = "forward"

    forward {
      dynamic "target_group" {
        for_each = var.weights

        content {
          arn    = aws_lb_target_group.this[target_group.key].arn
          weight = target_group.value
        }
      }

      dynamic "stickiness" {
        for_each = var.stickiness_s > 0 ? [var.stickiness_s] : []

        content {
          enabled  = true
          duration = stickiness.value
        }
      }
    }
  }

  lifecycle {
    precondition {
      condition     = (var.certificate.arn != null) != (var.certificate.domain != null)
      error_message = "A load balancer needs exactly one of certificate.arn and certificate.domain: without a certificate it could not speak HTTPS."
    }

    precondition {
      condition     = var.certificate.domain == null || var.certificate.zone_id != null
      error_message = "certificate.domain ${coalesce(var.certificate.domain, "-")} needs certificate.zone_id, where its validation record goes."
    }
  }
}

resource "aws_lb_listener" "redirect" {
  load_balancer_arn = aws_lb.this.arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type = "redirect"

    redirect {
      port        = "443"
      protocol    = "HTTPS"
      status_code = "HTTP_301"
    }
  }
}
