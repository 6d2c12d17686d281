mock_provider "aws" {
  source = "../../testing"
}

variables {
  zone = { name = "example.com" }
}

run "refuses_a_zone_that_is_no_domain" {
  command = plan

  variables {
    zone = { name = "example.com." }
  }

  expect_failures = [var.zone]
}

run "refuses_an_unknown_type" {
  command = plan

  variables {
    records = { a = { type = "TXT", values = ["x"] } }
  }

  expect_failures = [var.records]
}

run "refuses_neither_values_nor_alias" {
  command = plan

  variables {
    records = { a = {} }
  }

  expect_failures = [var.records]
}

run "refuses_weights_that_do_not_sum_to_100" {
  command = plan

  variables {
    records = { a = { values = ["192.0.2.1"], weight = 50 }, b = { values = ["192.0.2.2"], weight = 20 } }
  }

  expect_failures = [var.records]
}

run "refuses_an_unknown_failover_role" {
  command = plan

  variables {
    records = { a = { values = ["192.0.2.1"], failover = "THIRD" } }
  }

  expect_failures = [var.records]
}

run "refuses_weighted_and_failover_at_once" {
  command = plan

  variables {
    records = { a = { values = ["192.0.2.1"], failover = "PRIMARY", weight = 100 } }
  }

  expect_failures = [var.records]
}

run "refuses_an_odd_interval" {
  command = plan

  variables {
    health_checks = { a = { fqdn = "a.example.com", interval_s = 5 } }
  }

  expect_failures = [var.health_checks]
}

run "refuses_a_zone_without_authorities" {
  command = plan

  variables {
    certificate_authorities = []
  }

  expect_failures = [var.certificate_authorities]
}
