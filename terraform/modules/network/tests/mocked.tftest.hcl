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
