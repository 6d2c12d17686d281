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
  description = "URL of the service."
  value = (
    local.fqdn != null ? "https://${local.fqdn}" :
    length(module.api_gateway) > 0 ? module.api_gateway[0].url : "https://${one(module.load_balancer[*].dns_name)}"
  )
}

output "network" {
  description = "The VPC, its subnets, and the addresses by which private subnets reach the internet (for allow lists of others)."
  value = {
    vpc_id              = module.network.vpc_id
    cidr                = module.network.cidr
    azs                 = module.network.azs
    public_subnet_ids   = module.network.public_subnet_ids
    private_subnet_ids  = module.network.private_subnet_ids
    isolated_subnet_ids = module.network.isolated_subnet_ids
    nat_addresses       = module.network.nat_addresses
  }
}

output "kms_key_arn" {
  description = "Key of the environment, or null."
  value       = local.key_arn
}

output "role_arns" {
  description = "Roles by purpose: host, execution, task, function, ci (those that exist)."
  value       = module.iam.role_arns
}

output "security_group_ids" {
  description = "Security groups of what runs the service, for databases of others that let it in."
  value       = local.clients
}

output "name_servers" {
  description = "Name servers for the delegation of the zone, if it was created here."
  value       = var.domain == null ? [] : module.dns[0].name_servers
}

output "ci_role_arn" {
  description = "Role of the pipeline, or null."
  value       = lookup(module.iam.role_arns, "ci", null)
}

output "backup_vault" {
  description = "Backup vault to restore from, or null."
  value       = local.on.backups ? module.backup[0].vault : null
}

output "alarms" {
  description = "All alarms, for a completeness check."
  value       = sort(concat(module.observability.alarm_names, flatten([for h in module.host : h.alarm_names])))
}
