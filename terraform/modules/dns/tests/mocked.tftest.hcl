mock_provider "aws" {
  source = "../../testing"
}

variables {
  zone = { name = "example.com", create = true }
}

run "failover_records_follow_their_health_check" {
  variables {
    health_checks = { main = { fqdn = "main.example.com" } }
    records = {
      main  = { name = "api", values = ["192.0.2.1"], failover = "PRIMARY", health_check = "main" }
      spare = { name = "api", values = ["192.0.2.2"], failover = "SECONDARY" }
    }
  }

  assert {
    condition = (
      aws_route53_record.address["main"].health_check_id == output.health_check_ids["main"] &&
      aws_route53_record.address["spare"].health_check_id == null
    )
    error_message = "The primary is watched by its own health check."
  }

  assert {
    condition     = output.names["main"] == "api.example.com" && output.zone_id == aws_route53_zone.this[0].zone_id
    error_message = "Records live in the zone that was made."
  }
}
