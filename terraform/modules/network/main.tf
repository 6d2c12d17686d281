data "aws_availability_zones" "available" {
  #checkov:skip=CKV_AWS_394:only the first az_count names are used, so a zone that AWS adds changes nothing
  state = "available"

  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

data "aws_region" "current" {}

data "aws_vpc" "existing" {
  count = local.own == 1 ? 0 : 1

  id = var.existing.vpc_id
}

locals {
  # 1: the network is made here; 0: it is another's, and nothing in it is changed.
  own    = var.existing == null ? 1 : 0
  vpc_id = local.own == 1 ? aws_vpc.this[0].id : var.existing.vpc_id
  egress = local.own == 1 ? var.egress : "none"

  names = data.aws_availability_zones.available.names
  azs   = var.azs != null ? var.azs : slice(local.names, 0, min(var.az_count, length(local.names)))

  # Key: zone letter, so that a subnet keeps its address when the order of zones changes.
  zones = { for i, az in local.azs : substr(az, -1, 1) => { az = az, index = i } if local.own == 1 }

  nat_zones = (
    local.egress == "nat_per_az" ? keys(local.zones) :
    local.egress == "single_nat" ? [keys(local.zones)[0]] : []
  )

  # An existing VPC may have further networks, and its own whatever var.cidr says.
  cidrs = local.own == 1 ? [var.cidr] : distinct(concat(
    [data.aws_vpc.existing[0].cidr_block], data.aws_vpc.existing[0].cidr_block_associations[*].cidr_block,
  ))
  overlaps = [
    for pair in setproduct(local.cidrs, keys(var.peer_cidrs)) : "${pair[0]} overlaps ${pair[1]} (${var.peer_cidrs[pair[1]]})"
    if try(
      length(distinct([
        for c in [pair[0], var.peer_cidrs[pair[1]]] :
        cidrhost("${split("/", c)[0]}/${min([for n in [pair[0], var.peer_cidrs[pair[1]]] : tonumber(split("/", n)[1])]...)}", 0)
      ])) == 1,
      false,
    )
  ]
}

resource "aws_vpc" "this" {
  #checkov:skip=CKV2_AWS_11:flow logs are in flow_logs.tf, on unless the caller turns them off where nothing is to be protected
  count = local.own

  cidr_block                       = var.cidr
  enable_dns_support               = true
  enable_dns_hostnames             = true
  assign_generated_ipv6_cidr_block = var.ipv6

  tags = { Name = var.name }

  lifecycle {
    precondition {
      condition     = length(local.azs) >= 2 && length(setsubtract(local.azs, local.names)) == 0 && (var.azs != null || length(local.azs) == var.az_count)
      error_message = "${var.azs != null ? jsonencode(var.azs) : "${var.az_count} zones"} are not available: this region has ${jsonencode(local.names)}. Set network.az_count, or network.azs."
    }
  }
}

# Nothing may lean on the default group by accident: it allows nothing.
resource "aws_default_security_group" "closed" {
  count = local.own

  vpc_id  = aws_vpc.this[0].id
  ingress = []
  egress  = []

  tags = { Name = "${var.name}-default-closed" }
}

resource "aws_internet_gateway" "this" {
  count = local.own

  vpc_id = local.vpc_id

  tags = { Name = var.name }
}

resource "aws_subnet" "public" {
  for_each = local.zones

  vpc_id            = local.vpc_id
  availability_zone = each.value.az
  cidr_block        = cidrsubnet(var.cidr, 4, each.value.index)
  ipv6_cidr_block   = var.ipv6 ? cidrsubnet(aws_vpc.this[0].ipv6_cidr_block, 8, each.value.index) : null
  # An address is given on purpose (an EIP), never by default.
  map_public_ip_on_launch = false

  tags = { Name = "${var.name}-public-${each.key}", Tier = "public" }
}

resource "aws_subnet" "private" {
  for_each = local.zones

  vpc_id            = local.vpc_id
  availability_zone = each.value.az
  cidr_block        = cidrsubnet(var.cidr, 4, 4 + each.value.index)

  tags = { Name = "${var.name}-private-${each.key}", Tier = "private" }
}

# Databases and caches: no route out of the VPC, whatever the egress.
resource "aws_subnet" "isolated" {
  for_each = local.zones

  vpc_id            = local.vpc_id
  availability_zone = each.value.az
  cidr_block        = cidrsubnet(var.cidr, 4, 8 + each.value.index)

  tags = { Name = "${var.name}-isolated-${each.key}", Tier = "isolated" }
}
