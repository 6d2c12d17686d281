# Every wrong input is answered with a sentence before anything is made. Only the checks are planned: that is quick.
mock_provider "aws" {
  source = "../../testing"
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

run "refuses_a_single_topology_of_several_hosts" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    size = { hosts = 2 }
  }

  expect_failures = [terraform_data.checks]
}

run "refuses_a_fleet_without_certificate" {
  command = plan

  plan_options {
    target = [terraform_data.checks]
  }

  variables {
    topology = "fleet"
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
