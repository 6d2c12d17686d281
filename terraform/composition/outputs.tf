# What the inventory reads (inventory/<environment>/), and nothing else: a test compares the keys. Nothing is copied by hand.

output "ansible" {
  description = "What the inventory reads of this infrastructure."
  value = {
    topology          = var.topology
    service           = var.service
    account           = local.account
    region            = var.region
    registry          = local.registry
    domain            = local.fqdn
    cidr              = module.network.cidr
    access            = var.access.mode
    ipv6              = var.network.ipv6
    architecture      = local.size.architecture
    user              = local.user
    buckets           = { for kind, name in module.storage.names : kind => name if contains(["models", "backups"], kind) }
    secrets           = module.secrets.secret_names
    store_environment = local.store_environment
    topic             = module.observability.topic_arn
  }
}

output "hosts" {
  description = "Hosts of topology single: id, address, private address."
  value       = { for k, h in module.host : k => { id = h.instance_id, address = h.public_ip, private_address = h.private_ip } }
}

output "buckets" {
  description = "Names of the buckets by what they hold: models, bundles for the hosts of a fleet, backups of a single host."
  value       = module.storage.names
}

output "database" {
  description = "The database: endpoint, name, user of the service, the secret (ARN) of its owner's password, for persons, security group, and the resource id that rds-db:connect names; or null."
  value = local.database == null ? null : merge(local.database, {
    security_group_id = module.database[0].security_group_id
    resource_id       = module.database[0].resource_id
  })
}

output "authorize_key" {
  description = "For tools/authorize_key.py: the Run Command document that lets a key of the pipeline log in, its region and the tag of the hosts; or null."
  value = module.iam.authorize_key == null ? null : {
    document    = module.iam.authorize_key
    region      = var.region
    environment = local.name
  }
}

# Of the registry alone, so that `terraform apply -target=module.registry` stores it: ECS and Lambda start with an image.
output "registry" {
  description = "What a build needs before the rest exists, or null if the registry is another environment's."
  value = !local.on.registry ? null : {
    account      = split(".", module.registry[0].urls[var.service])[0]
    region       = var.region
    service      = var.service
    registry     = split("/", module.registry[0].urls[var.service])[0]
    architecture = local.size.architecture
    domain       = local.fqdn
  }
}

output "url" {
  description = "URL of the service."
  value = (
    local.fqdn != null ? "https://${local.fqdn}" :
    length(module.api_gateway) > 0 ? module.api_gateway[0].url : "https://${one(module.load_balancer[*].dns_name)}"
  )
}

output "load_balancer" {
  description = "The load balancer: name and zone for a DNS alias elsewhere, ARNs, security group; or null."
  value = local.balanced == 0 ? null : {
    dns_name          = module.load_balancer[0].dns_name
    zone_id           = module.load_balancer[0].zone_id
    arn               = module.load_balancer[0].load_balancer_arn
    listener_arn      = module.load_balancer[0].https_listener_arn
    security_group_id = module.load_balancer[0].security_group_id
  }
}

output "api" {
  description = "The API: id, stage, execution ARN, ids of its keys (aws apigateway get-api-key --include-value); or null."
  value = length(module.api_gateway) == 0 ? null : {
    id            = module.api_gateway[0].api_id
    stage         = module.api_gateway[0].stage
    execution_arn = module.api_gateway[0].execution_arn
    key_ids       = module.api_gateway[0].key_ids
  }
}

output "fleet" {
  description = "The fleet: name and ARN of the Auto Scaling group, launch template; or null."
  value = local.fleet == 0 ? null : {
    group_name         = module.fleet[0].group_name
    group_arn          = module.fleet[0].group_arn
    launch_template_id = module.fleet[0].launch_template_id
  }
}

output "log_groups" {
  description = "Log groups by what they hold: app (tasks and functions write to it), access and events of hosts."
  value       = module.observability.log_groups
}

output "deploy" {
  description = "How a new image goes live in ECS or Lambda (docs/terraform.md), where no command of this repository deploys; or null."
  value = (
    local.ecs == 1 ? {
      cluster_arn = module.ecs[0].cluster_arn
      command     = "aws ecs update-service --cluster ${module.ecs[0].cluster} --service ${module.ecs[0].service} --task-definition ${module.ecs[0].task_family}"
    } :
    local.serverless == 1 ? {
      cluster_arn = null
      command     = "aws lambda update-alias --function-name ${module.serverless[0].function_name} --name ${module.serverless[0].alias} --function-version"
    } : null
  )
}

output "network" {
  description = "The VPC, its subnets and route tables, and the addresses by which private subnets reach the internet (for allow lists of others)."
  value = {
    vpc_id              = module.network.vpc_id
    cidr                = module.network.cidr
    azs                 = module.network.azs
    public_subnet_ids   = module.network.public_subnet_ids
    private_subnet_ids  = module.network.private_subnet_ids
    isolated_subnet_ids = module.network.isolated_subnet_ids
    route_table_ids     = module.network.route_table_ids
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
