provider "aws" {
  # Plans without an account: nothing is called, so the credentials need not be real.
  region                      = "eu-central-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = data.aws_availability_zones.available
  values = { names = ["eu-central-1a", "eu-central-1b", "eu-central-1c"] }
}

variables {
  name = "slipway-dev"
  cidr = "10.20.0.0/16"
}

run "subnets_are_apart_and_give_no_public_address" {
  command = plan

  variables {
    az_count = 3
  }

  assert {
    condition = length(distinct(concat(
      [for s in aws_subnet.public : s.cidr_block], [for s in aws_subnet.private : s.cidr_block],
      [for s in aws_subnet.isolated : s.cidr_block],
    ))) == 9
    error_message = "Three tiers over three zones are nine different networks."
  }

  assert {
    condition     = alltrue([for s in aws_subnet.public : !s.map_public_ip_on_launch])
    error_message = "No subnet hands out public addresses by itself."
  }
}

run "the_default_security_group_allows_nothing" {
  command = plan

  assert {
    condition     = length(aws_default_security_group.closed[0].ingress) == 0 && length(aws_default_security_group.closed[0].egress) == 0
    error_message = "The default security group must have no rules."
  }
}

run "no_egress_makes_no_nat_and_no_route" {
  command = plan

  assert {
    condition     = length(aws_nat_gateway.this) == 0 && length(aws_route.private) == 0 && length(aws_vpc_endpoint.interface) == 0
    error_message = "egress = none must cost nothing and route nowhere."
  }

  assert {
    condition     = toset(keys(aws_vpc_endpoint.gateway)) == toset(["s3", "dynamodb"])
    error_message = "The free gateway endpoints are always there."
  }
}

run "single_nat_makes_one_nat_for_all_zones" {
  command = plan

  variables {
    egress   = "single_nat"
    az_count = 3
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 1 && length(aws_route.private) == 3
    error_message = "single_nat means one NAT gateway that every private subnet routes to."
  }
}

run "nat_per_az_makes_one_each" {
  command = plan

  variables {
    egress   = "nat_per_az"
    az_count = 3
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 3 && length(aws_eip.nat) == 3
    error_message = "nat_per_az means a NAT gateway in every zone."
  }
}

run "endpoints_reach_aws_without_a_nat" {
  command = plan

  variables {
    egress              = "endpoints"
    interface_endpoints = ["ecr.api", "ecr.dkr", "logs"]
  }

  assert {
    condition     = length(aws_vpc_endpoint.interface) == 3 && length(aws_nat_gateway.this) == 0
    error_message = "egress = endpoints makes exactly the listed interface endpoints and no NAT."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.endpoints_https[0].cidr_ipv4 == "10.20.0.0/16"
    error_message = "Endpoints answer this VPC only."
  }
}

run "flow_logs_are_kept_and_their_role_writes_nowhere_else" {
  command = plan

  assert {
    condition     = aws_cloudwatch_log_group.flow[0].retention_in_days == 365
    error_message = "Flow logs need a retention."
  }

  assert {
    condition = (
      jsondecode(data.aws_iam_policy_document.flow[0].json).Statement[0].Resource ==
      "arn:aws:logs:eu-central-1:123456789012:log-group:/slipway/slipway-dev/flow:*"
    )
    error_message = "The flow log role must be scoped to its own group, got ${data.aws_iam_policy_document.flow[0].json}."
  }
}
