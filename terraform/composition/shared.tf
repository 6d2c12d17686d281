# What every topology stands on.

module "kms" {
  source = "../../modules/kms"
  count  = local.on.kms ? 1 : 0

  name                 = local.name
  deletion_window_days = local.on.protected ? 30 : 7
}

module "kms_replica" {
  source = "../../modules/kms"
  count  = local.on.kms && local.on.replicate ? 1 : 0

  providers = { aws = aws.replica }

  name                 = "${local.name}-replica"
  deletion_window_days = local.on.protected ? 30 : 7
}

module "network" {
  source = "../../modules/network"

  name                 = local.name
  permissions_boundary = var.permissions_boundary
  cidr                 = local.cidr
  peer_cidrs           = local.peers
  az_count             = coalesce(var.network.az_count, local.defaults.az_count)
  azs                  = var.network.azs
  existing             = var.network.existing
  egress               = local.egress
  ipv6                 = var.network.ipv6
  interface_endpoints  = var.network.interface_endpoints != null ? var.network.interface_endpoints : local.serverless == 1 ? ["secretsmanager"] : null
  flow_logs            = { enabled = local.on.flow_logs, retention_days = local.size.log_days }
  kms_key_arn          = local.key_arn
}

module "registry" {
  source    = "../../modules/registry"
  count     = local.on.registry ? 1 : 0
  providers = { aws = aws, aws.replica = aws.replica }

  name                 = local.name
  permissions_boundary = var.permissions_boundary
  repositories         = local.repositories
  adopted              = var.adopt.repositories
  retention            = merge(var.image_retention, { environments = local.environments })
  kms_key_arn          = local.key_arn
  replicate            = local.on.replicate
  replica_kms_key_arn  = local.replica_key_arn
  force_delete         = !local.on.protected
}

module "storage" {
  source    = "../../modules/storage"
  providers = { aws = aws, aws.replica = aws.replica }

  name                 = local.name
  permissions_boundary = var.permissions_boundary
  buckets = merge(
    {
      models  = { infrequent_in_days = 60, replicate = local.on.replicate }
      bundles = { noncurrent_days = 30 }
    },
    # Hosts of a fleet have neither a certificate nor a history of their own.
    local.single == 1 ? { backups = { noncurrent_days = 30 } } : {},
  )
  replica            = local.on.replicate ? { kms_key_arn = local.replica_key_arn } : null
  log_retention_days = local.size.log_days
  kms_key_arn        = local.key_arn
  force_destroy      = !local.on.protected
}

module "secrets" {
  source = "../../modules/secrets"

  name          = local.name
  secrets       = var.secrets
  values        = var.secret_values
  services      = [var.service]
  kms_key_arn   = local.key_arn
  recovery_days = local.on.protected ? 30 : 0
}

module "iam" {
  source = "../../modules/iam"

  name                 = local.name
  permissions_boundary = var.permissions_boundary
  grants = {
    repositories = local.arns.repositories
    secrets      = ["${local.arns.secrets}/*"]
    parameters   = [local.arns.parameters, "${local.arns.parameters}/*"] # the path itself, for GetParametersByPath
    read_objects = [for k in ["models", "bundles"] : "${local.arns.bucket}-${k}-${local.account}/*"]
    log_groups   = ["${local.arns.logs}/*"]
    kms_alias    = local.on.kms ? "alias/${local.name}" : null
  }
  host = {
    enabled         = local.single + local.fleet == 1
    session_manager = var.access.mode == "session_manager" || local.fleet == 1
    topics          = [local.arns.topic]
    backups         = local.single == 1 ? ["${local.arns.bucket}-backups-${local.account}/hosts/*"] : []
    groups          = local.fleet == 1 ? [local.arns.groups] : []
    dns_challenge   = try(var.domain.dns_challenge, false) ? { zone_id = local.zone_id, names = [local.fqdn] } : null
  }
  ecs      = { enabled = local.ecs == 1, exec = local.on.exec }
  function = { enabled = local.serverless == 1, vpc = local.stores }
  ci = var.ci == null ? null : {
    repository      = var.ci.repository
    subjects        = var.ci.subjects
    create_provider = var.ci.create_provider
    hosts           = local.single + local.fleet == 1
    key_user        = local.single + local.fleet == 1 && var.access.mode == "session_manager" && local.user == "admin" ? local.user : null
    state           = var.ci.state
    wanted          = ["${local.arns.parameters}/${var.service}/wanted"]
    bundle_objects  = ["${local.arns.bucket}-bundles-${local.account}/*"]
    ecs_services    = local.ecs == 1 ? [local.arns.ecs] : []
    functions       = local.serverless == 1 ? [local.arns.function] : []
  }
}

module "dns" {
  source = "../../modules/dns"
  count  = var.domain == null ? 0 : 1

  zone = {
    name          = var.domain.zone
    create        = var.domain.create_zone
    force_destroy = !local.on.protected && var.adopt.zone_id == null
  }
  records = merge(
    {
      service = {
        name   = var.domain.name
        values = local.behind == null ? [for h in module.host : h.public_ip] : null
        alias  = local.behind
      }
    },
    !var.network.ipv6 ? {} : {
      service-ipv6 = {
        name   = var.domain.name
        type   = "AAAA"
        values = [for h in module.host : h.ipv6]
      }
    },
  )
  overwrite = var.domain.overwrite
  # Who else issues certificates in a zone that was there before is not ours to say.
  caa            = coalesce(var.domain.caa, var.domain.create_zone && var.adopt.zone_id == null) ? [var.domain.name] : []
  incident_email = var.domain.caa_email
}

# A certificate of its own where there is an API without a load balancer.
module "certificate" {
  source = "../../modules/certificate"
  count  = local.serverless == 1 && var.domain != null && var.certificate_arn == null ? 1 : 0

  domain  = local.fqdn
  zone_id = module.dns[0].zone_id
}

# One key for the record of every topology: a change of topology changes the record, and makes no second one beside it.
moved {
  from = module.dns[0].aws_route53_record.address["inference-1"]
  to   = module.dns[0].aws_route53_record.address["service"]
}
