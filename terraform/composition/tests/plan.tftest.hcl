# Each topology, planned by the provider itself (no mock): the arguments are the provider's, the policies rendered.
# What is found is asserted over the whole plan in terraform/tests; here, that each topology is itself and no other.
provider "aws" {
  # Plans without an account: nothing is called, so the credentials need not be real.
  region                      = "eu-central-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

provider "aws" {
  alias                       = "replica"
  region                      = "eu-west-1"
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
  target = module.network.data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = module.iam.data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = module.storage.data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = module.observability.data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = module.kms.data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = module.kms_replica.data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = module.registry.data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = module.backup.data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = module.cost.data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = module.api_gateway.data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = module.network.data.aws_availability_zones.available
  values = { names = ["eu-central-1a", "eu-central-1b", "eu-central-1c"] }
}

override_data {
  target = data.aws_ec2_instance_type_offerings.zones
  values = { locations = ["eu-central-1a", "eu-central-1b", "eu-central-1c"] }
}

override_data {
  target = module.host.data.aws_ssm_parameter.ami
  values = { insecure_value = "ami-0123456789abcdef0" }
}

override_data {
  target = module.fleet.data.aws_ssm_parameter.ami
  values = { insecure_value = "ami-0123456789abcdef0" }
}

override_data {
  target = module.dns.data.aws_route53_zone.existing
  values = { zone_id = "Z0123456789ABCDEFGHIJ" }
}

variables {
  domain = { zone = "example.com" }
  notify = ["oncall@example.com"]
  budget = { monthly_usd = 100 }
  image  = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
  bundle = "bundles/v1.0.0.tar.gz"
  access = { public_keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA nobody@example.com"] }
}

run "single_is_one_host_with_an_address_of_its_own" {
  command = plan

  variables {
    topology = "single"
  }

  assert {
    condition     = keys(module.host) == ["inference-1"] && length(module.load_balancer) + length(module.fleet) + length(module.ecs) + length(module.serverless) + length(module.api_gateway) == 0
    error_message = "A single host stands alone."
  }

  assert {
    condition     = output.url == "https://api.example.com" && keys(output.hosts) == ["inference-1"]
    error_message = "The service answers under its name, and the host is in the outputs."
  }

  assert {
    condition     = toset([for a in output.alarms : trimprefix(a, "${local.name}-")]) == toset(["inference-1-cpu", "inference-1-reboot", "inference-1-recover", "inference-1-status"])
    error_message = "Alarms are on what AWS measures: nothing else has data, got ${jsonencode(output.alarms)}."
  }

  assert {
    condition     = output.ansible.user == "admin" && output.ansible.architecture == "x86_64" && local.size.os == "debian-13"
    error_message = "By default a host is Debian 13 on x86_64, as what is built and tried here."
  }

  assert {
    condition     = keys(output.network) == ["azs", "cidr", "isolated_subnet_ids", "nat_addresses", "private_subnet_ids", "public_subnet_ids", "route_table_ids", "vpc_id"] && keys(output.security_group_ids) == ["inference-1"]
    error_message = "What others need to reach this environment is in the outputs."
  }

  assert {
    condition     = module.dns[0].caa_names == []
    error_message = "A zone that was there before keeps its rules, got ${jsonencode(module.dns[0].caa_names)}."
  }
}

run "a_single_host_may_prove_its_name_by_dns" {
  command = plan

  variables {
    topology = "single"
    domain   = { zone = "example.com", dns_challenge = true }
  }

  assert {
    condition = [
      for s in jsondecode(module.iam.policies["host"]).Statement : [s.Resource, s.Condition["ForAllValues:StringEquals"]["route53:ChangeResourceRecordSetsNormalizedRecordNames"]]
      if s.Sid == "AnswerTheChallenge"
    ] == [["arn:aws:route53:::hostedzone/${module.dns[0].zone_id}", "_acme-challenge.api.example.com"]]
    error_message = "certbot changes one record of the zone, which is that of the name."
  }
}

run "a_single_host_has_a_bucket_for_its_backups" {
  command = plan

  variables {
    topology = "single"
  }

  assert {
    condition     = contains(keys(output.ansible.buckets), "backups")
    error_message = "The inventory learns the bucket, got ${jsonencode(output.ansible.buckets)}."
  }
}

run "what_is_asked_for_comes_with_it" {
  command = plan

  variables {
    features     = { host_metrics = true, registry = true }
    domain       = { zone = "example.com", create_zone = true }
    repositories = ["scoring"]
  }

  assert {
    condition     = keys(module.registry[0].arns) == ["inference", "scoring"] && length(local.arns.repositories) == 2
    error_message = "Further services have their repositories, and hosts may pull from them."
  }

  assert {
    condition     = length(setsubtract(["disk", "memory", "certificate-days", "http-5xx", "latency-p95", "release-failed", "no-data"], [for a in output.alarms : trimprefix(a, "${local.name}-")])) == 0
    error_message = "An agent on the hosts brings their alarms, got ${jsonencode(output.alarms)}."
  }

  assert {
    condition     = module.dns[0].caa_names == ["api.example.com"]
    error_message = "A zone that is made here says who may issue for the service's own name, got ${jsonencode(module.dns[0].caa_names)}."
  }
}

run "hosts_start_from_the_image_that_is_asked_for" {
  command = plan

  variables {
    topology = "single"
    ami_id   = "ami-0fedcba9876543210"
  }

  assert {
    condition     = module.host["inference-1"].ami_id == "ami-0fedcba9876543210"
    error_message = "The vendor's image is not asked for."
  }
}

run "the_registry_keeps_what_was_deployed_to_every_environment" {
  command = plan

  variables {
    features        = { registry = true }
    image_retention = { deployed = 50 }
  }

  assert {
    condition = { for r in jsondecode(module.registry[0].lifecycle_policy).rules : r.selection.tagPrefixList[0] => r.selection.countNumber if r.selection.tagStatus == "tagged" } == {
      "deployed-dev-" = 50, "deployed-prod-" = 50, "deployed-staging-" = 50, "v" = 30
    }
    error_message = "One registry serves all environments, got ${module.registry[0].lifecycle_policy}."
  }
}

run "fleet_is_a_group_behind_a_load_balancer" {
  command = plan

  variables {
    topology = "fleet"
  }

  assert {
    condition     = length(module.fleet) == 1 && length(module.load_balancer) == 1 && length(module.host) + length(module.ecs) + length(module.serverless) + length(module.api_gateway) == 0
    error_message = "A fleet is a group and its load balancer."
  }

  assert {
    condition     = !contains(keys(output.ansible.buckets), "backups")
    error_message = "Its hosts have nothing of their own to back up."
  }

  assert {
    condition     = module.fleet[0].group_name == local.name && module.secrets.wanted_parameters["inference"] == "/slipway/${local.name}/inference/wanted"
    error_message = "The group has the name of the environment, and its hosts a parameter with the release that they converge to."
  }
}

run "ecs_is_a_service_behind_a_load_balancer" {
  command = plan

  variables {
    topology = "ecs"
  }

  assert {
    condition     = length(module.ecs) == 1 && length(module.load_balancer) == 1 && length(module.host) + length(module.fleet) + length(module.serverless) == 0
    error_message = "ECS is a service and its load balancer."
  }

  assert {
    condition     = keys(output.log_groups) == ["app"]
    error_message = "Its logs can be found, got ${jsonencode(output.log_groups)}."
  }

  assert {
    condition     = module.ecs[0].cluster == local.name && module.ecs[0].service == "inference"
    error_message = "Deploys learn the cluster and the service."
  }
}

run "a_container_may_answer_elsewhere" {
  command = plan

  variables {
    topology = "ecs"
    task     = { port = 9000, ready_path = "/v2/health/ready", user = "65532:65532" }
  }

  assert {
    condition = [
      for c in jsondecode(module.ecs[0].container_definitions) : [c.portMappings[0].containerPort, c.user, c.stopTimeout, strcontains(c.healthCheck.command[3], ":9000/v2/health/ready'")]
    ] == [[9000, "65532:65532", 40, true]]
    error_message = "The task listens where it is asked to, got ${module.ecs[0].container_definitions}."
  }

  assert {
    condition     = module.load_balancer[0].targets == { port = 9000, ready_path = "/v2/health/ready" }
    error_message = "The load balancer asks where the task listens."
  }
}

run "serverless_is_a_function_behind_an_api" {
  command = plan

  variables {
    topology = "serverless"
  }

  assert {
    condition     = length(module.serverless) == 1 && length(module.api_gateway) == 1 && length(module.certificate) == 1 && length(module.load_balancer) + length(module.host) + length(module.fleet) + length(module.ecs) == 0
    error_message = "Serverless is a function, its API and a certificate: nothing that costs while idle."
  }

  assert {
    condition     = module.serverless[0].alias == "live" && module.network.nat_addresses == {}
    error_message = "Deploys move the alias; a function needs no NAT."
  }
}
