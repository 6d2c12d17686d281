resource "aws_route53_zone" "this" {
  #checkov:skip=CKV2_AWS_38:DNSSEC needs a key ceremony and the parent's DS record; switched on by hand where wanted
  #checkov:skip=CKV2_AWS_39:query logs of a public zone cost more than they are worth; the access log of HAProxy has the clients
  count = var.zone.create ? 1 : 0

  name          = var.zone.name
  force_destroy = var.zone.force_destroy
}

# Terraform prints the next line when the zone is not in the account.
data "aws_route53_zone" "existing" { # Correct domain.zone, or let it be made: domain.create_zone = true.
  count = var.zone.create ? 0 : 1

  name         = var.zone.name
  private_zone = false
}

locals {
  zone_id = var.zone.create ? aws_route53_zone.this[0].zone_id : data.aws_route53_zone.existing[0].zone_id
}

resource "aws_route53_record" "address" {
  #checkov:skip=CKV2_AWS_23:every record points at an address or alias that the caller made in the same composition
  for_each = var.records

  zone_id         = local.zone_id
  allow_overwrite = var.overwrite
  name            = each.value.name == "" ? var.zone.name : "${each.value.name}.${var.zone.name}"
  type            = each.value.type
  ttl             = each.value.alias == null ? each.value.ttl : null
  records         = each.value.values
  set_identifier  = each.value.weight != null || each.value.failover != null ? each.key : null
  health_check_id = each.value.health_check == null ? null : aws_route53_health_check.this[each.value.health_check].id

  dynamic "alias" {
    for_each = each.value.alias[*]

    content {
      name                   = alias.value.name
      zone_id                = alias.value.zone_id
      evaluate_target_health = alias.value.evaluate_health
    }
  }

  dynamic "weighted_routing_policy" {
    for_each = each.value.weight[*]

    content {
      weight = weighted_routing_policy.value
    }
  }

  dynamic "failover_routing_policy" {
    for_each = each.value.failover[*]

    content {
      type = failover_routing_policy.value
    }
  }
}

# On names of the service alone: on the zone itself it would bind every name in it.
resource "aws_route53_record" "caa" {
  for_each = var.caa

  zone_id         = local.zone_id
  allow_overwrite = var.overwrite
  name            = each.key == "" ? var.zone.name : "${each.key}.${var.zone.name}"
  type            = "CAA"
  ttl             = 3600
  records = concat(
    [for ca in var.certificate_authorities : "0 issue \"${ca}\""],
    [for mail in var.incident_email[*] : "0 iodef \"mailto:${mail}\""],
  )
}

resource "aws_route53_health_check" "this" {
  for_each = var.health_checks

  type              = "HTTPS"
  fqdn              = each.value.fqdn
  port              = 443
  resource_path     = each.value.path
  failure_threshold = each.value.failure_threshold
  request_interval  = each.value.interval_s
  enable_sni        = true

  tags = { Name = each.key }
}
