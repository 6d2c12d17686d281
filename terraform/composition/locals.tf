# What was asked for, laid over the environment's defaults (local.environment and local.defaults in environment.tf).

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  name = "slipway-${local.environment}${var.suffix}"

  tags = merge(var.tags, {
    Project     = "slipway"
    Environment = local.name
    Topology    = var.topology
    ManagedBy   = "terraform"
  })

  on   = { for k, v in var.features : k => v != null ? v : local.defaults.features[k] }
  size = { for k, v in var.size : k => v != null ? v : local.defaults.size[k] }

  # Debian's image has no EC2 Instance Connect, Ubuntu's has.
  user = startswith(local.size.os, "ubuntu") ? "ubuntu" : "admin"

  # The letter g after the generation (t4g, m7gd) is what Graviton families have in common.
  misfits = [for t in local.size.instance_types : t if can(regex("^[a-z]+[0-9]+g[a-z]*\\.", t)) != (local.size.architecture == "arm64")]

  # What an existing VPC lacks for this topology.
  missing_subnets = var.network.existing == null ? [] : compact([
    local.single == 1 && length(var.network.existing.public_subnet_ids) < 1 ? "a public subnet (public_subnet_ids)" : "",
    local.balanced == 1 && length(var.network.existing.public_subnet_ids) < 2 ? "public subnets in two zones (public_subnet_ids)" : "",
    local.balanced == 1 && length(var.network.existing.private_subnet_ids) < 2 ? "private subnets in two zones (private_subnet_ids)" : "",
    (local.on.database || local.on.cache) && length(var.network.existing.isolated_subnet_ids) < 2 ? "subnets in two zones for the stores (isolated_subnet_ids)" : "",
  ])

  single     = var.topology == "single" ? 1 : 0
  fleet      = var.topology == "fleet" ? 1 : 0
  ecs        = var.topology == "ecs" ? 1 : 0
  serverless = var.topology == "serverless" ? 1 : 0
  balanced   = local.fleet + local.ecs

  # Networks of the environments: apart, so that they can be peered.
  cidrs = { dev = "10.20.0.0/16", staging = "10.30.0.0/16", prod = "10.40.0.0/16" }
  cidr  = coalesce(var.network.cidr, local.cidrs[local.environment])
  peers = merge({ for k, c in local.cidrs : k => c if k != local.environment }, var.network.peer_cidrs)

  # Hosts and tasks in private subnets must reach the registry; a single host has its own address, a function no VPC.
  # One with stores reaches Secrets Manager by an interface endpoint.
  stores = local.on.database || local.on.cache
  egress = coalesce(var.network.egress, local.balanced == 1 ? local.defaults.egress : local.serverless == 1 && local.stores ? "endpoints" : "none")

  account         = data.aws_caller_identity.current.account_id
  partition       = data.aws_partition.current.partition
  repositories    = concat([var.service], tolist(var.repositories))
  environments    = toset([for e in concat(keys(local.cidrs), [local.environment]) : e])
  registry        = "${local.account}.dkr.ecr.${var.region}.${data.aws_partition.current.dns_suffix}"
  image           = "${local.registry}/${var.service}@${coalesce(var.image, "sha256:none")}"
  fqdn            = try("${var.domain.name}.${var.domain.zone}", null)
  replica_key_arn = local.on.kms && local.on.replicate ? module.kms_replica[0].key_arn : null
  key_arn         = local.on.kms ? module.kms[0].key_arn : null
  api             = local.serverless == 1 ? try(coalesce(var.api), local.open_api) : var.api

  open_api = {
    kind = "http", cors_origins = [], routes = null, throttle = null, jwt = null, batch = null, account_logging_role = true, plans = {}
  }

  arns = {
    repositories = [for r in local.repositories : "arn:${local.partition}:ecr:${var.region}:${local.account}:repository/${r}"]
    parameters   = "arn:${local.partition}:ssm:${var.region}:${local.account}:parameter/slipway/${local.name}"
    secrets      = "arn:${local.partition}:secretsmanager:${var.region}:${local.account}:secret:${local.name}"
    logs         = "arn:${local.partition}:logs:${var.region}:${local.account}:log-group:/slipway/${local.name}"
    topic        = "arn:${local.partition}:sns:${var.region}:${local.account}:${local.name}-alarms"
    bucket       = "arn:${local.partition}:s3:::${local.name}"
    groups       = "arn:${local.partition}:autoscaling:${var.region}:${local.account}:autoScalingGroup:*:autoScalingGroupName/${local.name}"
    ecs          = "arn:${local.partition}:ecs:${var.region}:${local.account}:service/${local.name}/${var.service}"
    function     = "arn:${local.partition}:lambda:${var.region}:${local.account}:function:${local.name}-${var.service}"
  }
}
