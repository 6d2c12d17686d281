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
  target = data.aws_route53_zone.existing
  values = { zone_id = "Z0123456789ABCDEFGHIJ" }
}

variables {
  zone = { name = "example.com" }
}

run "only_named_authorities_may_issue_for_the_services_name" {
  command = plan

  variables {
    caa            = ["api"]
    incident_email = "security@example.com"
  }

  assert {
    condition = (
      contains(aws_route53_record.caa["api"].records, "0 issue \"letsencrypt.org\"") &&
      contains(aws_route53_record.caa["api"].records, "0 issue \"amazon.com\"") &&
      contains(aws_route53_record.caa["api"].records, "0 iodef \"mailto:security@example.com\"")
    )
    error_message = "CAA must name Let's Encrypt and Amazon, and where to report."
  }

  assert {
    condition     = aws_route53_record.caa["api"].name == "api.example.com"
    error_message = "Other names of the zone have authorities of their own."
  }
}

run "no_caa_record_and_no_address_unless_asked" {
  command = plan

  variables {
    records = { web = { name = "api", values = ["192.0.2.1"] } }
  }

  assert {
    condition     = length(aws_route53_record.caa) == 0
    error_message = "A zone that others use as well keeps its own rules."
  }
}

run "an_existing_zone_is_looked_up_and_left_alone" {
  command = plan

  assert {
    condition     = length(aws_route53_zone.this) == 0 && output.zone_id == "Z0123456789ABCDEFGHIJ"
    error_message = "An existing zone is only read."
  }
}

run "weights_split_a_name" {
  command = plan

  variables {
    records = {
      blue  = { name = "api", values = ["192.0.2.1"], weight = 90 }
      green = { name = "api", values = ["192.0.2.2"], weight = 10 }
      six   = { name = "api", type = "AAAA", values = ["2001:db8::1"] }
    }
  }

  assert {
    condition     = sum([for k in ["blue", "green"] : aws_route53_record.address[k].weighted_routing_policy[0].weight]) == 100
    error_message = "The weights of one name sum to 100."
  }

  assert {
    condition     = aws_route53_record.address["six"].set_identifier == null && aws_route53_record.address["blue"].set_identifier == "blue"
    error_message = "Only weighted or failover records carry an identifier."
  }
}

run "an_alias_has_no_ttl" {
  command = plan

  variables {
    records = {
      web = { alias = { name = "lb.example.net", zone_id = "Z215JYRZR1TBD5" } }
    }
  }

  assert {
    condition     = aws_route53_record.address["web"].alias[0].evaluate_target_health && aws_route53_record.address["web"].name == "example.com"
    error_message = "An alias follows the health of its target, and an empty name is the zone itself."
  }
}
