# What Ansible reads (inventory/<environment>/group_vars/all/aws.yml): nothing is copied by hand.

output "ansible" {
  description = "Everything that the inventory and the playbooks need from this infrastructure."
  value = {
    environment      = local.name
    topology         = var.topology
    service          = var.service
    account          = local.account
    region           = var.region
    registry         = local.registry
    repository       = "${local.registry}/${var.service}"
    domain           = local.fqdn
    access           = var.access.mode
    architecture     = local.size.architecture
    user             = startswith(local.size.os, "ubuntu") ? "ubuntu" : "admin"
    hosts            = { for k, h in module.host : k => { id = h.instance_id, address = h.public_ip, private_address = h.private_ip } }
    group            = local.fleet == 1 ? module.fleet[0].group_name : null
    buckets          = module.storage.names
    wanted_parameter = module.secrets.wanted_parameters[var.service]
    secrets          = module.secrets.secret_names
    log_groups       = module.observability.log_groups
    topic            = module.observability.topic_arn
    metric_namespace = module.observability.metric_namespace
    target_groups    = local.balanced == 1 ? module.load_balancer[0].target_group_arns : {}
    ecs              = local.ecs == 0 ? null : { cluster = module.ecs[0].cluster, service = module.ecs[0].service, family = module.ecs[0].task_family }
    function         = local.serverless == 0 ? null : { name = module.serverless[0].function_name, alias = module.serverless[0].alias }
    database         = local.on.database ? { endpoint = module.database[0].endpoint, owner_secret = module.database[0].owner_secret_arn } : null
    cache            = local.on.cache ? { endpoint = module.cache[0].endpoint } : null
  }
}

output "url" {
  description = "Where the service answers."
  value = (
    local.fqdn != null ? "https://${local.fqdn}" :
    length(module.api_gateway) > 0 ? module.api_gateway[0].url : "https://${one(module.load_balancer[*].dns_name)}"
  )
}

output "name_servers" {
  description = "Name servers to delegate the zone to, when it was created here."
  value       = var.domain == null ? [] : module.dns[0].name_servers
}

output "ci_role_arn" {
  description = "Role that the pipeline takes, or null."
  value       = lookup(module.iam.role_arns, "ci", null)
}

output "backup_vault" {
  description = "Vault that restores start from, or null."
  value       = local.on.backups ? module.backup[0].vault : null
}

output "alarms" {
  description = "Every alarm, for a check that none was forgotten."
  value       = module.observability.alarm_names
}
