module "certificate" {
  source   = "../certificate"
  for_each = toset(var.certificate.domain[*])

  domain  = each.key
  zone_id = var.certificate.zone_id
}

locals {
  certificate_arn = try(one(values(module.certificate)).arn, var.certificate.arn)
}
