# Each topology with every value made up: what only AWS could say is known, so the wires between the modules show.
mock_provider "aws" {
  source = "../../testing"
}

mock_provider "aws" {
  alias  = "replica"
  source = "../../testing"
}

variables {
  domain = { zone = "example.com" }
  notify = ["oncall@example.com"]
  budget = { monthly_usd = 100 }
  image  = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
  bundle = "bundles/v1.0.0.tar.gz"
  access = { public_keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA nobody@example.com"] }

  # Terraform 1.11 wants an ephemeral variable given when a test applies.
  secret_values = {}
  # The test must be able to take away what it made up.
  guard = false
}

run "a_single_hosts_address_is_the_services_address_and_its_stores_let_it_in" {
  variables {
    topology = "single"
    features = { database = true, cache = true }
  }

  assert {
    condition     = local.clients == { inference-1 = module.host["inference-1"].security_group_id } && length(aws_vpc_security_group_egress_rule.stores) == 2
    error_message = "The host reaches both stores."
  }

  assert {
    condition     = output.database.security_group_id == module.database[0].security_group_id && output.database.resource_id == module.database[0].resource_id
    error_message = "Others that may use the database need its group and its id."
  }

  assert {
    condition     = keys(aws_iam_role_policy.stores) == ["host"] && output.ansible.store_environment.DATABASE_USER == "service" && output.ansible.store_environment.CACHE_USER == module.cache[0].user_name
    error_message = "The host may log in to both stores, and the inventory tells its services as whom."
  }

  assert {
    condition     = output.hosts["inference-1"].address == module.host["inference-1"].public_ip && output.hosts["inference-1"].id != null
    error_message = "The host is in the outputs, with its address."
  }
}

run "a_host_with_ipv6_has_both_records_and_listens_on_both" {
  variables {
    topology = "single"
    network  = { ipv6 = true }
  }

  assert {
    condition     = module.dns[0].names == { service = "api.example.com", service-ipv6 = "api.example.com" }
    error_message = "The name has an A and an AAAA record, got ${jsonencode(module.dns[0].names)}."
  }

  assert {
    condition     = output.ansible.ipv6
    error_message = "The inventory learns that the edge listens on IPv6."
  }
}

run "a_fleets_traffic_comes_through_the_load_balancer" {
  variables {
    topology = "fleet"
  }

  assert {
    condition     = local.behind == { name = module.load_balancer[0].dns_name, zone_id = module.load_balancer[0].zone_id }
    error_message = "The service's name points at the load balancer."
  }

  assert {
    condition     = output.fleet == { group_name = local.name, group_arn = module.fleet[0].group_arn, launch_template_id = module.fleet[0].launch_template_id }
    error_message = "Whoever scales or watches the fleet finds its group."
  }

  assert {
    condition     = module.load_balancer[0].certificate_arn != null
    error_message = "The load balancer has a certificate."
  }
}

run "an_api_in_front_of_ecs_hides_the_load_balancer" {
  variables {
    topology = "ecs"
    api      = { kind = "rest", plans = { free = { keys = ["acme"] } } }
  }

  assert {
    condition     = local.behind == module.api_gateway[0].alias && length(aws_security_group.link) == 1
    error_message = "The name points at the API, which reaches the load balancer privately."
  }

  assert {
    condition     = output.url == "https://api.example.com" && keys(module.api_gateway[0].key_ids) == ["acme"]
    error_message = "Callers come by key, under the service's name."
  }

  assert {
    condition     = output.api.stage == "v1"
    error_message = "The stage is in the outputs, got ${jsonencode(output.api)}."
  }
}

run "a_functions_stores_let_it_in" {
  variables {
    topology = "serverless"
    features = { database = true, cache = true }
  }

  assert {
    condition     = keys(local.clients) == ["function"] && output.database.endpoint == module.database[0].endpoint && local.store_environment.CACHE_ENDPOINT == module.cache[0].endpoint
    error_message = "Database and cache let the function in, and deploys learn where they are."
  }

  assert {
    condition     = toset(keys(local.store_environment)) == toset(["CACHE_ENDPOINT", "CACHE_USER", "DATABASE_ENDPOINT", "DATABASE_NAME", "DATABASE_USER"]) && keys(aws_iam_role_policy.stores) == ["function"]
    error_message = "The function learns where its stores are, and may log in to them."
  }

  assert {
    condition     = local.egress == "endpoints" && length(aws_vpc_security_group_egress_rule.function_s3) == 1
    error_message = "A function in the VPC reaches Secrets Manager and S3."
  }
}

run "without_a_domain_the_service_answers_under_the_load_balancers_name" {
  variables {
    topology        = "ecs"
    domain          = null
    certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"
  }

  assert {
    condition     = output.url == "https://${module.load_balancer[0].dns_name}"
    error_message = "The URL is the load balancer's, got ${output.url}."
  }
}
