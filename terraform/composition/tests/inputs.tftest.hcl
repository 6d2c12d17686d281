# Every wrong input is answered with a sentence before anything is made. Only the checks are planned: that is quick.
mock_provider "aws" {
  source = "../../testing"
}

mock_provider "aws" {
  alias  = "replica"
  source = "../../testing"
}

variables {
  domain = { zone = "example.com" }
  access = { public_keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA nobody@example.com"] }
}

run "refuses_an_unknown_topology" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    topology = "cluster"
  }

  expect_failures = [var.topology]
}

run "refuses_a_region_that_is_none" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    region = "Frankfurt"
  }

  expect_failures = [var.region]
}

run "refuses_a_service_with_a_long_name" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    service = "an-inference-service-with-a-long-name"
  }

  expect_failures = [var.service]
}

run "refuses_a_suffix_that_names_cannot_have" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    suffix = "_west"
  }

  expect_failures = [var.suffix]
}

run "refuses_an_image_by_tag" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    image = "v1.0.0"
  }

  expect_failures = [var.image]
}

run "refuses_tags_that_are_ours" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    tags = { Environment = "mine" }
  }

  expect_failures = [var.tags]
}

run "refuses_to_sleep_and_wake_at_once" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    off_hours = { sleep_hour = 7, wake_hour = 7 }
  }

  expect_failures = [var.off_hours]
}

run "refuses_an_instance_type_of_another_architecture" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    size = { architecture = "arm64" }
  }

  expect_failures = [terraform_data.checks]
}

run "refuses_an_instance_type_that_the_host_s_zone_lacks" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  override_data {
    target = data.aws_ec2_instance_type_offerings.zones
    values = { locations = ["eu-central-1b", "eu-central-1c"] }
  }

  expect_failures = [terraform_data.checks]
}

run "takes_zones_that_have_the_instance_type" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  override_data {
    target = data.aws_ec2_instance_type_offerings.zones
    values = { locations = ["eu-central-1b", "eu-central-1c"] }
  }

  variables {
    network = { azs = ["eu-central-1c", "eu-central-1b"] }
  }
}

run "refuses_a_fleet_without_certificate" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    topology = "fleet"
    bundle   = "bundles/v1.0.0.tar.gz"
    domain   = null
  }

  expect_failures = [terraform_data.checks]
}

run "refuses_a_fleet_in_subnets_without_a_way_out" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    topology = "fleet"
    bundle   = "bundles/v1.0.0.tar.gz"
    domain   = { zone = "example.com" }
    network  = { egress = "none" }
  }

  expect_failures = [terraform_data.checks]
}

run "refuses_lambda_without_an_image" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    topology = "serverless"
  }

  expect_failures = [terraform_data.checks]
}

run "refuses_an_api_in_front_of_a_single_host" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    api = { kind = "http" }
  }

  expect_failures = [terraform_data.checks]
}

run "refuses_to_replicate_to_nowhere" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    features = { replicate = true, kms = false }
  }

  expect_failures = [terraform_data.checks]
}

run "refuses_a_copy_in_the_same_region" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    replica_region = "eu-central-1"
  }

  expect_failures = [terraform_data.checks]
}

run "refuses_to_adopt_a_zone_that_it_does_not_manage" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    domain = { zone = "example.com" }
    adopt  = { zone_id = "Z0123456789ABCDEFGHIJ" }
  }

  expect_failures = [terraform_data.checks]
}

run "refuses_a_host_without_a_name" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    domain = null
  }

  expect_failures = [terraform_data.checks]
}

run "refuses_a_fleet_whose_hosts_have_no_name" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    topology        = "fleet"
    bundle          = "bundles/v1.0.0.tar.gz"
    domain          = null
    certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"
  }

  expect_failures = [terraform_data.checks]
}

run "refuses_debian_by_session_manager_without_a_key" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    access = {}
  }

  expect_failures = [terraform_data.checks]
}

run "refuses_an_api_whose_load_balancer_has_no_name" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    topology        = "ecs"
    domain          = null
    certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"
    image           = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
    api             = { kind = "http" }
  }

  expect_failures = [terraform_data.checks]
}

run "refuses_a_service_that_ends_in_a_hyphen" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    service = "inference-"
  }

  expect_failures = [var.service]
}

run "refuses_ssh_to_a_fleet_in_private_subnets" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    topology = "fleet"
    bundle   = "bundles/v1.0.0.tar.gz"
    access   = { mode = "ssh", ssh_cidrs = ["198.51.100.0/24"] }
  }

  expect_failures = [terraform_data.checks]
}

run "refuses_an_unknown_architecture" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    size = { architecture = "amd64" }
  }

  expect_failures = [var.size]
}

run "refuses_an_unknown_operating_system" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    size = { os = "debian-11" }
  }

  expect_failures = [var.size]
}

run "refuses_a_zone_that_is_a_url" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    domain = { zone = "https://example.com/" }
  }

  expect_failures = [var.domain]
}

run "refuses_a_name_that_has_the_zone_in_it" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    domain = { zone = "example.com", name = "api.example.com" }
  }

  expect_failures = [var.domain]
}

run "refuses_an_address_that_is_none" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    notify = ["oncall"]
  }

  expect_failures = [var.notify]
}

run "refuses_a_second_region_that_is_none" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    replica_region = "ireland"
  }

  expect_failures = [var.replica_region]
}

run "refuses_a_boundary_that_is_no_policy" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    permissions_boundary = "boundary"
  }

  expect_failures = [var.permissions_boundary]
}

run "refuses_a_fleet_without_a_bundle" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    topology = "fleet"
  }

  expect_failures = [terraform_data.checks]
}

run "lets_a_fleet_without_hosts_wait_for_its_bundle" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    topology = "fleet"
    size     = { min = 0 }
  }
}

run "refuses_a_bundle_that_is_no_archive" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    topology = "fleet"
    bundle   = "s3://bundles/current"
  }

  expect_failures = [var.bundle]
}

run "refuses_a_fleet_that_cannot_reach_its_packages" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    topology = "fleet"
    bundle   = "bundles/v1.0.0.tar.gz"
    network  = { egress = "endpoints" }
  }

  expect_failures = [terraform_data.checks]
}

run "refuses_a_certificate_in_a_zone_that_nobody_delegates_to" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    topology = "ecs"
    image    = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
    domain   = { zone = "example.com", create_zone = true }
  }

  expect_failures = [terraform_data.checks]
}

run "lets_a_single_host_wait_for_the_delegation_of_its_zone" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    domain = { zone = "example.com", create_zone = true }
  }
}

run "refuses_a_dns_challenge_where_the_load_balancer_has_the_certificate" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    topology = "fleet"
    bundle   = "bundles/v1.0.0.tar.gz"
    domain   = { zone = "example.com", dns_challenge = true }
  }

  expect_failures = [terraform_data.checks]
}

run "refuses_ipv6_where_the_load_balancer_has_none" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    topology = "fleet"
    bundle   = "bundles/v1.0.0.tar.gz"
    network  = { ipv6 = true }
  }

  expect_failures = [terraform_data.checks]
}

run "refuses_a_task_that_would_need_root_for_its_port" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    task = { port = 80 }
  }

  expect_failures = [var.task]
}

run "refuses_a_task_as_root" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    task = { user = "0:0" }
  }

  expect_failures = [var.task]
}

run "refuses_a_readiness_path_that_is_a_url" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    task = { ready_path = "http://localhost/ready" }
  }

  expect_failures = [var.task]
}

run "refuses_an_image_of_hosts_by_its_name" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    ami_id = "debian-13"
  }

  expect_failures = [var.ami_id]
}

run "refuses_a_variable_that_no_shell_could_set" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    environment = { "model-store" = "s3://models" }
  }

  expect_failures = [var.environment]
}

run "refuses_a_database_user_in_capitals" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    database = { user = "Service" }
  }

  expect_failures = [var.database]
}

run "refuses_an_existing_vpc_without_a_subnet_for_the_host" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    network = { existing = { vpc_id = "vpc-0123456789abcdef0" } }
  }

  expect_failures = [terraform_data.checks]
}

run "refuses_a_repository_that_ecr_does_not_take" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    repositories = ["Scoring"]
  }

  expect_failures = [var.repositories]
}
