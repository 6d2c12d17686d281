mock_provider "aws" {
  source = "../../testing"
}

variables {
  name = "slipway-dev"
  cidr = "10.20.0.0/16"
}

run "refuses_a_bad_name" {
  command = plan

  variables {
    name = "Slipway_Dev"
  }

  expect_failures = [var.name]
}

run "refuses_text_for_a_network" {
  command = plan

  variables {
    cidr = "ten"
  }

  expect_failures = [var.cidr]
}

run "refuses_host_bits_in_the_network" {
  command = plan

  variables {
    cidr = "10.20.0.1/16"
  }

  expect_failures = [var.cidr]
}

run "refuses_a_network_too_small" {
  command = plan

  variables {
    cidr = "10.20.0.0/24"
  }

  expect_failures = [var.cidr]
}

run "refuses_a_peer_that_is_no_network" {
  command = plan

  variables {
    peer_cidrs = { office = "everywhere" }
  }

  expect_failures = [var.peer_cidrs]
}

run "refuses_four_zones" {
  command = plan

  variables {
    az_count = 4
  }

  expect_failures = [var.az_count]
}

run "refuses_an_unknown_egress" {
  command = plan

  variables {
    egress = "nat"
  }

  expect_failures = [var.egress]
}

run "refuses_an_endpoint_that_nothing_uses" {
  command = plan

  variables {
    interface_endpoints = ["bedrock"]
  }

  expect_failures = [var.interface_endpoints]
}

run "refuses_an_unknown_traffic_type" {
  command = plan

  variables {
    flow_logs = { traffic_type = "SOME" }
  }

  expect_failures = [var.flow_logs]
}

run "refuses_an_overlap_with_a_wider_network" {
  command = plan

  variables {
    peer_cidrs = { staging = "10.0.0.0/8" }
  }

  expect_failures = [output.cidr]
}

run "refuses_an_overlap_with_a_narrower_network" {
  command = plan

  variables {
    peer_cidrs = { office = "10.20.4.0/24" }
  }

  expect_failures = [output.cidr]
}

run "refuses_a_single_zone_by_name" {
  command = plan

  variables {
    azs = ["eu-central-1a"]
  }

  expect_failures = [var.azs]
}

run "refuses_a_zone_that_the_region_lacks" {
  command = plan

  variables {
    azs = ["eu-central-1a", "eu-central-1z"]
  }

  expect_failures = [aws_vpc.this]
}

run "refuses_more_zones_than_the_region_has" {
  command = plan

  override_data {
    target = data.aws_availability_zones.available
    values = { names = ["us-west-1b", "us-west-1c"] }
  }

  variables {
    az_count = 3
  }

  expect_failures = [aws_vpc.this]
}

run "refuses_an_existing_vpc_by_its_name" {
  command = plan

  variables {
    existing = { vpc_id = "main" }
  }

  expect_failures = [var.existing]
}

run "refuses_an_existing_vpc_that_overlaps" {
  command = plan

  override_data {
    target = data.aws_vpc.existing
    values = { cidr_block = "172.20.0.0/16" }
  }

  variables {
    existing   = { vpc_id = "vpc-0fedcba9876543210" }
    peer_cidrs = { office = "172.20.8.0/21" }
  }

  expect_failures = [output.cidr]
}

run "refuses_an_existing_vpc_whose_second_network_overlaps" {
  command = plan

  override_data {
    target = data.aws_vpc.existing
    values = {
      cidr_block              = "172.20.0.0/16"
      cidr_block_associations = [{ association_id = "a", cidr_block = "172.20.0.0/16", state = "associated" }, { association_id = "b", cidr_block = "100.64.0.0/16", state = "associated" }]
    }
  }

  variables {
    existing   = { vpc_id = "vpc-0fedcba9876543210" }
    peer_cidrs = { cluster = "100.64.0.0/10" }
  }

  expect_failures = [output.cidr]
}

run "takes_an_existing_vpc_whatever_cidr_says" {
  command = plan

  override_data {
    target = data.aws_vpc.existing
    values = { cidr_block = "172.20.0.0/16" }
  }

  variables {
    existing   = { vpc_id = "vpc-0fedcba9876543210" }
    peer_cidrs = { staging = "10.20.0.0/16" }
  }

  assert {
    condition     = output.cidr == "172.20.0.0/16"
    error_message = "What counts is the network of the VPC."
  }
}
