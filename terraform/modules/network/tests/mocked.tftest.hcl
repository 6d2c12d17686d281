mock_provider "aws" {
  source = "../../testing"
}

variables {
  name = "slipway-dev"
  cidr = "10.20.0.0/16"
}

run "outputs_hold_one_subnet_per_zone_and_tier" {
  variables {
    egress = "single_nat"
    ipv6   = true
  }

  assert {
    condition     = length(output.public_subnet_ids) == 2 && length(output.private_subnet_ids) == 2 && length(output.isolated_subnet_ids) == 2
    error_message = "Each tier has a subnet in each of the two zones."
  }

  assert {
    condition     = keys(output.route_table_ids) == tolist(["isolated", "private-a", "private-b", "public"])
    error_message = "Whoever peers with the VPC needs its route tables, got ${jsonencode(keys(output.route_table_ids))}."
  }

  assert {
    condition     = keys(output.nat_addresses) == ["a"]
    error_message = "A single NAT sits in the first zone, got ${jsonencode(keys(output.nat_addresses))}."
  }

  assert {
    condition     = alltrue([for r in aws_route.private : r.nat_gateway_id == aws_nat_gateway.this["a"].id])
    error_message = "Every private route must go through the one NAT."
  }
}

run "flow_logs_can_be_switched_off" {
  variables {
    flow_logs = { enabled = false }
  }

  assert {
    condition     = length(aws_flow_log.this) == 0 && length(aws_iam_role.flow) == 0
    error_message = "Switched off, nothing of them may remain."
  }
}

run "an_existing_vpc_is_used_as_it_is" {
  variables {
    egress = "nat_per_az"
    existing = {
      vpc_id             = "vpc-0fedcba9876543210"
      public_subnet_ids  = ["subnet-0a", "subnet-0b"]
      private_subnet_ids = ["subnet-0c"]
    }
  }

  override_data {
    target = data.aws_vpc.existing
    values = { cidr_block = "172.20.0.0/16" }
  }

  assert {
    condition     = output.vpc_id == "vpc-0fedcba9876543210" && output.cidr == "172.20.0.0/16" && output.public_subnet_ids == tolist(["subnet-0a", "subnet-0b"]) && length(output.isolated_subnet_ids) == 0
    error_message = "What was given is handed on, with the network that AWS knows it by."
  }

  assert {
    condition = length(concat(
      aws_vpc.this, aws_internet_gateway.this, aws_default_security_group.closed, aws_route_table.public, aws_route_table.isolated, aws_flow_log.this,
      values(aws_subnet.public), values(aws_route_table.private), values(aws_nat_gateway.this), values(aws_vpc_endpoint.gateway),
    )) == 0
    error_message = "Nothing is made in another's VPC."
  }
}
