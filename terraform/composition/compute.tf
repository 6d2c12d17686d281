# What runs the service: exactly one of these, and what stands in front of it.

module "host" {
  source   = "../../modules/host"
  for_each = local.single == 1 ? { "${var.service}-1" = 0 } : {}

  name      = "${local.name}-${each.key}"
  vpc_id    = module.network.vpc_id
  subnet_id = module.network.public_subnet_ids[each.value]
  instance = {
    type             = local.size.instance_types[0]
    architecture     = local.size.architecture
    os               = local.size.os
    ami_id           = var.ami_id
    root_gb          = local.size.root_gb
    detailed_metrics = local.size.detailed_metrics
    cpu_credits      = local.size.cpu_credits
    ipv6             = var.network.ipv6
  }
  web_cidrs        = var.network.web_cidrs
  access           = var.access
  instance_profile = module.iam.instance_profile
  kms_key_arn      = local.key_arn
  protected        = local.on.protected
  alarm_actions    = [module.observability.topic_arn]
  tags             = merge(local.host_tags, { Backup = local.name }) # what backups and snapshots select
}

locals {
  # What the inventory's aws_ec2 plugin groups by.
  host_tags = { Service = var.service, Role = "host" }
}

module "load_balancer" {
  source = "../../modules/load_balancer"
  count  = local.balanced

  name        = local.name
  vpc_id      = module.network.vpc_id
  vpc_cidr    = module.network.cidr
  subnet_ids  = local.api == null ? module.network.public_subnet_ids : module.network.private_subnet_ids
  internal    = local.api != null
  web_cidrs   = local.api == null ? var.network.web_cidrs : [module.network.cidr]
  certificate = var.certificate_arn != null ? { arn = var.certificate_arn } : { domain = local.fqdn, zone_id = local.zone_id }
  targets     = local.ecs == 1 ? { type = "ip", port = var.task.port, protocol = "HTTP", ready_path = var.task.ready_path } : {}
  log_bucket  = module.storage.log_bucket
  protected   = local.on.protected
  waf = {
    enabled     = local.on.waf
    rate_limit  = var.waf.rate_limit
    allow_cidrs = var.waf.allow_cidrs
    block_cidrs = var.waf.block_cidrs
    count_rules = var.waf.count_rules
    # All requests come from the VPC link; the API says whose they are.
    rate_by     = local.api == null ? "IP" : "FORWARDED_IP"
    rate_header = local.api == null ? null : local.client_header
  }
  kms_key_arn = local.key_arn
}

locals {
  resource_label = local.balanced == 0 ? null : "${module.load_balancer[0].arn_suffix}/${module.load_balancer[0].target_group_suffixes.blue}"
  zone_id        = var.domain == null ? null : module.dns[0].zone_id
}

module "fleet" {
  source = "../../modules/fleet"
  count  = local.fleet

  name       = local.name
  service    = var.service
  vpc_id     = module.network.vpc_id
  subnet_ids = module.network.private_subnet_ids
  instance = {
    types        = local.size.instance_types
    architecture = local.size.architecture
    os           = local.size.os
    ami_id       = var.ami_id
    root_gb      = local.size.root_gb
    cpu_credits  = local.size.cpu_credits
  }
  size    = { min = local.size.min, max = local.size.max, warm = local.size.warm }
  spot    = { percent = local.size.spot_percent }
  scaling = { requests_per_target = local.size.requests_per_target, cpu_percent = var.fleet.cpu_percent, warmup_s = var.fleet.warmup_s }
  drain_s = var.fleet.drain_s
  schedules = !local.on.off_hours ? {} : {
    sleep = { cron = "0 ${var.off_hours.sleep_hour} * * ${var.off_hours.days}", min = 0, max = 0, timezone = var.off_hours.timezone }
    wake  = { cron = "0 ${var.off_hours.wake_hour} * * ${var.off_hours.days}", min = local.size.min, max = local.size.max, timezone = var.off_hours.timezone }
  }
  converge = {
    bucket           = module.storage.names["bundles"]
    key              = var.bundle
    wanted_parameter = module.secrets.wanted_parameters[var.service]
    timeout_s        = var.fleet.converge_s
  }
  load_balancer = {
    target_group_arns = [module.load_balancer[0].target_group_arns["blue"]]
    security_group_id = module.load_balancer[0].security_group_id
    resource_label    = local.resource_label
  }
  public_keys      = var.access.public_keys
  instance_profile = module.iam.instance_profile
  kms_key_arn      = local.key_arn
  tags             = merge(local.tags, local.host_tags)
}

module "ecs" {
  source = "../../modules/ecs"
  count  = local.ecs

  name       = local.name
  service    = var.service
  vpc_id     = module.network.vpc_id
  subnet_ids = module.network.private_subnet_ids
  image      = local.image
  task = {
    cpu          = local.size.task_cpu
    memory       = local.size.task_memory
    architecture = { arm64 = "ARM64", x86_64 = "X86_64" }[local.size.architecture]
    port         = var.task.port
    user         = var.task.user
    ready_path   = var.task.ready_path
    stop_s       = var.task.stop_s
    environment  = merge(local.store_environment, var.environment)
    secrets      = { for k, arn in module.secrets.secret_arns : upper(replace(k, "/[^a-z0-9]/", "_")) => arn }
  }
  capacity = { min = local.size.min, max = local.size.max, spot_percent = local.size.spot_percent }
  scaling  = { requests_per_target = local.size.requests_per_target }
  load_balancer = {
    target_group_arn  = module.load_balancer[0].target_group_arns["blue"]
    security_group_id = module.load_balancer[0].security_group_id
    resource_label    = local.resource_label
  }
  roles       = { execution = module.iam.role_arns["execution"], task = module.iam.role_arns["task"] }
  log_group   = module.observability.log_groups["app"]
  scheduled   = local.on.off_hours
  exec        = local.on.exec
  kms_key_arn = local.key_arn
}

module "serverless" {
  source = "../../modules/serverless"
  count  = local.serverless

  name        = local.name
  service     = var.service
  image       = local.image
  size        = { memory = local.size.function_memory, architecture = local.size.architecture, timeout_s = var.function.timeout_s, scratch = var.function.scratch }
  concurrency = { limit = var.function.concurrency, warm = var.function.warm }
  environment = merge(local.store_environment, var.environment)
  role_arn    = module.iam.role_arns["function"]
  log_group   = module.observability.log_groups["app"]
  kms_key_arn = local.key_arn
  vpc = !local.stores ? null : {
    subnet_ids         = module.network.private_subnet_ids
    security_group_ids = [aws_security_group.function[0].id]
  }
}
