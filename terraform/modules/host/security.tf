resource "aws_security_group" "this" {
  #checkov:skip=CKV2_AWS_5:attached to the instance of this module
  name        = var.name
  description = "Web in, HTTP and HTTPS out"
  vpc_id      = var.vpc_id

  tags = { Name = var.name }
}

locals {
  # Port 80 answers the ACME challenge and redirects the rest.
  web = {
    for pair in setproduct(["80", "443"], var.web_cidrs) : "${pair[0]}-${replace(pair[1], "/[./]/", "-")}" => { port = tonumber(pair[0]), cidr = pair[1] }
  }
}

resource "aws_vpc_security_group_ingress_rule" "web" {
  #checkov:skip=CKV_AWS_260:port 80 is open for ACME's HTTP-01 challenge and the redirect to HTTPS
  for_each = local.web

  security_group_id = aws_security_group.this.id
  description       = "Web"
  cidr_ipv4         = each.value.cidr
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
}

resource "aws_vpc_security_group_ingress_rule" "web_ipv6" {
  # web_cidrs are IPv4 networks: only the whole world means both.
  for_each = var.instance.ipv6 && contains(var.web_cidrs, "0.0.0.0/0") ? toset(["80", "443"]) : []

  security_group_id = aws_security_group.this.id
  description       = "Web over IPv6"
  cidr_ipv6         = "::/0"
  ip_protocol       = "tcp"
  from_port         = tonumber(each.key)
  to_port           = tonumber(each.key)
}

resource "aws_vpc_security_group_ingress_rule" "ssh" {
  for_each = var.access.mode == "ssh" ? toset(var.access.ssh_cidrs) : []

  security_group_id = aws_security_group.this.id
  description       = "SSH from ${each.key}"
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = 22
  to_port           = 22
}

# NTP and DNS go to link-local addresses, which security groups do not filter.
resource "aws_vpc_security_group_egress_rule" "out" {
  for_each = toset(["80", "443"])

  security_group_id = aws_security_group.this.id
  description       = "Packages, registry, AWS APIs, ACME"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = tonumber(each.key)
  to_port           = tonumber(each.key)
}

resource "aws_vpc_security_group_egress_rule" "out_ipv6" {
  for_each = var.instance.ipv6 ? toset(["80", "443"]) : []

  security_group_id = aws_security_group.this.id
  description       = "Packages, registry, AWS APIs, ACME over IPv6"
  cidr_ipv6         = "::/0"
  ip_protocol       = "tcp"
  from_port         = tonumber(each.key)
  to_port           = tonumber(each.key)
}
