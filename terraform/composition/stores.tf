locals {
  # Who may reach the database and the cache: whatever runs the service.
  clients = merge(
    { for k, h in module.host : k => h.security_group_id },
    local.fleet == 1 ? { fleet = module.fleet[0].security_group_id } : {},
    local.ecs == 1 ? { tasks = module.ecs[0].security_group_id } : {},
    length(aws_security_group.function) > 0 ? { function = aws_security_group.function[0].id } : {},
  )
}

module "database" {
  source = "../../modules/database"
  count  = local.on.database ? 1 : 0

  name                 = local.name
  permissions_boundary = var.permissions_boundary
  vpc_id               = module.network.vpc_id
  subnet_ids           = module.network.isolated_subnet_ids
  clients              = local.clients
  instance = {
    class      = local.size.database_class
    multi_az   = local.size.database_multi_az
    version    = var.database.version
    storage_gb = var.database.storage_gb
    max_gb     = var.database.max_gb

    major_upgrade = var.database.major_upgrade
  }
  database    = { name = var.database.name, owner = var.database.owner }
  backup_days = coalesce(var.database.backup_days, local.size.backup_days)
  log_days    = local.size.log_days
  protected   = local.on.protected
  kms_key_arn = local.key_arn
  tags        = { Backup = local.name }
}

module "cache" {
  source = "../../modules/cache"
  count  = local.on.cache ? 1 : 0

  name          = local.name
  vpc_id        = module.network.vpc_id
  subnet_ids    = module.network.isolated_subnet_ids
  clients       = local.clients
  nodes         = { type = local.size.cache_type, count = local.size.cache_nodes, version = var.cache.version }
  snapshot_days = var.cache.snapshot_days
  # ElastiCache publishes to no encrypted topic.
  notify_topic_arn = local.on.kms ? null : module.observability.topic_arn
  kms_key_arn      = local.key_arn
}

# Hosts and tasks speak to the internet on 80 and 443 only; their stores are let through by name.
resource "aws_vpc_security_group_egress_rule" "stores" {
  for_each = {
    for pair in setproduct(
      [for k in keys(local.client_kinds) : k], [for k, on in { database = local.on.database, cache = local.on.cache } : k if on]
    ) : "${pair[0]}-${pair[1]}" => { client = pair[0], port = pair[1] == "database" ? 5432 : 6379 }
  }

  security_group_id = local.clients[each.value.client]
  description       = "Stores inside the VPC"
  cidr_ipv4         = module.network.cidr
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
}

locals {
  # The function's own group already lets it through.
  client_kinds = { for k, v in local.clients : k => true if k != "function" }
}

locals {
  database = local.on.database ? {
    endpoint     = module.database[0].endpoint
    name         = module.database[0].name
    user         = var.database.user
    owner_secret = module.database[0].owner_secret_arn
  } : null

  # For the service: where its stores are. It proves itself by IAM, so there is no password.
  store_environment = merge(
    { for _ in local.database[*] : "DATABASE_ENDPOINT" => local.database.endpoint },
    { for _ in local.database[*] : "DATABASE_NAME" => local.database.name },
    { for _ in local.database[*] : "DATABASE_USER" => local.database.user },
    { for c in module.cache : "CACHE_ENDPOINT" => c.endpoint },
    { for c in module.cache : "CACHE_USER" => c.user_name },
  )
}

data "aws_iam_policy_document" "stores" {
  count = local.stores ? 1 : 0

  dynamic "statement" {
    for_each = module.database

    content {
      sid       = "ConnectToTheDatabase"
      actions   = ["rds-db:connect"]
      resources = ["arn:${local.partition}:rds-db:${var.region}:${local.account}:dbuser:${statement.value.resource_id}/${var.database.user}"]
    }
  }

  dynamic "statement" {
    for_each = module.cache

    content {
      sid       = "ConnectToTheCache"
      actions   = ["elasticache:Connect"]
      resources = [statement.value.arn, statement.value.user_arn]
    }
  }
}

# Of its own, and not in module.iam: hosts need not wait for a database to start.
resource "aws_iam_role_policy" "stores" {
  for_each = { for k, name in module.iam.role_names : k => name if local.stores && k != "execution" }

  name   = "stores"
  role   = each.value
  policy = data.aws_iam_policy_document.stores[0].json
}
