resource "aws_security_group" "this" {
  name        = "${var.name}-lb"
  description = "Web in, targets out"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-lb" }
}

resource "aws_vpc_security_group_ingress_rule" "web" {
  #checkov:skip=CKV_AWS_260:port 80 only redirects to HTTPS
  for_each = {
    for pair in setproduct(["80", "443"], var.web_cidrs) : "${pair[0]}-${replace(pair[1], "/[./]/", "-")}" => { port = tonumber(pair[0]), cidr = pair[1] }
  }

  security_group_id = aws_security_group.this.id
  description       = "Web"
  cidr_ipv4         = each.value.cidr
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
}

resource "aws_vpc_security_group_egress_rule" "targets" {
  security_group_id = aws_security_group.this.id
  description       = "Targets and their health checks, inside the VPC"
  cidr_ipv4         = var.vpc_cidr
  ip_protocol       = "tcp"
  from_port         = var.targets.port
  to_port           = var.targets.port
}
