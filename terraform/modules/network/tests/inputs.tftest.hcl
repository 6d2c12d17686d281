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

  expect_failures = [aws_vpc.this]
}

run "refuses_an_overlap_with_a_narrower_network" {
  command = plan

  variables {
    peer_cidrs = { office = "10.20.4.0/24" }
  }

  expect_failures = [aws_vpc.this]
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
