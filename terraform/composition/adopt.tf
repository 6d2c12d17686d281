# What existed before Terraform comes under it by naming it in adopt; nothing is made anew, nothing is lost.

import {
  for_each = var.adopt.repositories

  to = module.registry[0].aws_ecr_repository.this[each.key]
  id = each.key
}

import {
  for_each = toset(var.adopt.zone_id[*])

  to = module.dns[0].aws_route53_zone.this[0]
  id = each.key
}
