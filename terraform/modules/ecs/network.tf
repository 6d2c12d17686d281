resource "aws_security_group" "this" {
  #checkov:skip=CKV2_AWS_5:attached to the tasks by the service
  name        = "${var.name}-tasks"
  description = "From the load balancer, HTTPS out"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-tasks" }
}

resource "aws_vpc_security_group_ingress_rule" "load_balancer" {
  security_group_id            = aws_security_group.this.id
  description                  = "The load balancer"
  referenced_security_group_id = var.load_balancer.security_group_id
  ip_protocol                  = "tcp"
  from_port                    = var.task.port
  to_port                      = var.task.port
}

resource "aws_vpc_security_group_egress_rule" "https" {
  security_group_id = aws_security_group.this.id
  description       = "Registry, AWS APIs"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_service_discovery_private_dns_namespace" "this" {
  for_each = toset(var.discovery[*])

  name        = each.key
  description = "Services of ${var.name}"
  vpc         = var.vpc_id
}

resource "aws_service_discovery_service" "this" {
  for_each = toset(var.discovery[*])

  name = var.service

  dns_config {
    namespace_id   = aws_service_discovery_private_dns_namespace.this[each.key].id
    routing_policy = "MULTIVALUE"

    dns_records {
      type = "A"
      ttl  = 10
    }
  }
}
