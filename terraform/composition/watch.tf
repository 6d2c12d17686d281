# Who looks after it: alarms, backups, money.

module "observability" {
  source = "../../modules/observability"

  name                 = local.name
  permissions_boundary = var.permissions_boundary
  service              = var.service
  notify               = var.notify
  kms_key_arn          = local.key_arn
  # Only hosts have an edge and releases.
  log_groups = merge({ app = local.size.log_days }, local.single + local.fleet == 1 ? { access = local.size.log_days, events = 365 } : {})
  watch = {
    hosts         = { for k, h in module.host : k => h.instance_id }
    group         = local.fleet == 1 ? local.name : null
    ecs           = local.ecs == 1 ? { cluster = local.name, service = var.service } : null
    function      = local.serverless == 1 ? "${local.name}-${var.service}" : null
    api           = length(module.api_gateway) > 0 ? { id = module.api_gateway[0].id, kind = local.api.kind } : null
    load_balancer = local.balanced == 0 ? null : { suffix = module.load_balancer[0].arn_suffix, target_groups = module.load_balancer[0].target_group_suffixes }
  }
  thresholds        = var.thresholds
  host_metrics      = local.on.host_metrics
  steady_traffic    = local.on.steady_traffic
  sleeps            = local.on.off_hours
  dashboard         = local.on.dashboard
  anomaly_detection = local.on.anomaly_detection
  trail             = local.on.trail ? { bucket = module.storage.log_bucket } : null
}

module "backup" {
  source    = "../../modules/backup"
  count     = local.on.backups ? 1 : 0
  providers = { aws = aws, aws.replica = aws.replica }

  name                 = local.name
  permissions_boundary = var.permissions_boundary
  selected_by          = { key = "Backup", value = local.name }
  schedule             = { daily_days = local.size.backup_days, weekly_days = local.size.backup_weekly_days }
  snapshots            = local.on.snapshots ? {} : null
  copy                 = local.on.replicate ? { kms_key_arn = local.replica_key_arn } : null
  topic_arn            = module.observability.topic_arn
  kms_key_arn          = local.key_arn
  force_destroy        = !local.on.protected
}

module "cost" {
  source = "../../modules/cost"
  count  = var.budget == null && !local.on.off_hours ? 0 : 1

  name                 = local.name
  permissions_boundary = var.permissions_boundary
  budget               = var.budget == null ? null : { monthly_usd = var.budget.monthly_usd, by_tag = var.budget.by_tag }
  notify               = var.notify
  tag                  = { key = "Environment", value = local.name }
  anomaly_usd          = try(var.budget.anomaly_usd, null)

  anomaly_monitor_arn = try(var.budget.anomaly_monitor_arn, null)

  kms_alias   = local.on.kms ? "alias/${local.name}" : null
  kms_key_arn = local.key_arn
  off_hours = !local.on.off_hours ? null : {
    sleep     = "cron(0 ${var.off_hours.sleep_hour} ? * ${var.off_hours.days} *)"
    wake      = "cron(0 ${var.off_hours.wake_hour} ? * ${var.off_hours.days} *)"
    timezone  = var.off_hours.timezone
    instances = { for k, h in module.host : k => h.instance_id }
    databases = local.on.database ? { main = local.name } : {}
    services  = local.ecs == 1 ? { (var.service) = { resource = module.ecs[0].scaling_resource, min = local.size.min, max = local.size.max } } : {}
  }
}
