# Gateway endpoints cost nothing and keep S3 (image layers) and DynamoDB traffic off NAT and the internet.
resource "aws_vpc_endpoint" "gateway" {
  for_each = toset(local.own == 1 ? ["s3", "dynamodb"] : [])

  vpc_id            = local.vpc_id
  service_name      = "${data.aws_partition.current.reverse_dns_prefix}.${data.aws_region.current.id}.${each.key}"
  vpc_endpoint_type = "Gateway"
  route_table_ids = concat(
    [aws_route_table.public[0].id, aws_route_table.isolated[0].id],
    [for t in aws_route_table.private : t.id],
  )

  tags = { Name = "${var.name}-${each.key}" }
}

resource "aws_vpc_endpoint" "interface" {
  for_each = local.egress == "endpoints" ? var.interface_endpoints : []

  vpc_id              = local.vpc_id
  service_name        = "${data.aws_partition.current.reverse_dns_prefix}.${data.aws_region.current.id}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = [for s in aws_subnet.private : s.id]
  security_group_ids  = [aws_security_group.endpoints[0].id]

  tags = { Name = "${var.name}-${each.key}" }
}

resource "aws_security_group" "endpoints" {
  #checkov:skip=CKV2_AWS_5:attached to the interface endpoints above
  count = local.egress == "endpoints" ? 1 : 0

  name        = "${var.name}-endpoints"
  description = "HTTPS from this VPC to the interface endpoints"
  vpc_id      = local.vpc_id

  tags = { Name = "${var.name}-endpoints" }
}

resource "aws_vpc_security_group_ingress_rule" "endpoints_https" {
  count = local.egress == "endpoints" ? 1 : 0

  security_group_id = aws_security_group.endpoints[0].id
  description       = "HTTPS from this VPC"
  cidr_ipv4         = var.cidr
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

data "aws_prefix_list" "s3" {
  count = local.own == 1 ? 0 : 1

  name = "${data.aws_partition.current.reverse_dns_prefix}.${data.aws_region.current.id}.s3"
}
