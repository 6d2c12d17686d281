output "vpc_id" {
  description = "The VPC."
  value       = local.vpc_id
}

output "cidr" {
  description = "Its IPv4 network."
  value       = local.own == 1 ? var.cidr : data.aws_vpc.existing[0].cidr_block

  # Here, and not in aws_vpc.this: an existing VPC is not made here.
  precondition {
    condition     = length(local.overlaps) == 0
    error_message = "The network ${join(", and ", local.overlaps)}. Peering and failover require non-overlapping networks: change network.cidr, or use another existing VPC."
  }
}

output "azs" {
  description = "The availability zones in use; empty for an existing VPC."
  value       = local.own == 1 ? local.azs : []
}

output "public_subnet_ids" {
  description = "Public subnets, one per zone, in the order of the names of the zones."
  value       = local.own == 1 ? [for k in sort(keys(local.zones)) : aws_subnet.public[k].id] : var.existing.public_subnet_ids

  # What starts in a subnet needs its way out from the first second.
  depends_on = [aws_route.public, aws_route.public_ipv6, aws_route_table_association.public]
}

output "private_subnet_ids" {
  description = "Private subnets, one per zone, in the order of the names of the zones."
  value       = local.own == 1 ? [for k in sort(keys(local.zones)) : aws_subnet.private[k].id] : var.existing.private_subnet_ids

  depends_on = [aws_route.private, aws_route_table_association.private]
}

output "isolated_subnet_ids" {
  description = "Subnets without a route out, one per zone, in the order of the names of the zones."
  value       = local.own == 1 ? [for k in sort(keys(local.zones)) : aws_subnet.isolated[k].id] : var.existing.isolated_subnet_ids
}

output "route_table_ids" {
  description = "Route tables by tier, private ones by zone; empty for an existing VPC."
  value = local.own == 0 ? {} : merge(
    { public = aws_route_table.public[0].id, isolated = aws_route_table.isolated[0].id },
    { for k, t in aws_route_table.private : "private-${k}" => t.id },
  )
}

output "s3_prefix_list_id" {
  description = "Addresses of S3 in this region, which the gateway endpoint leads to, for security group rules."
  value       = local.own == 1 ? aws_vpc_endpoint.gateway["s3"].prefix_list_id : data.aws_prefix_list.s3[0].id
}

output "nat_addresses" {
  description = "Public egress addresses of private subnets, by zone; empty without NAT."
  value       = { for k, e in aws_eip.nat : k => e.public_ip }
}
