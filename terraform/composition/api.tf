module "api_gateway" {
  source = "../../modules/api_gateway"
  count  = local.api != null && local.single == 0 ? 1 : 0

  name                 = local.name
  permissions_boundary = var.permissions_boundary
  kind                 = local.api.kind
  cors_origins         = local.api.cors_origins
  plans                = local.api.plans
  routes               = local.api.routes
  throttle             = local.api.throttle
  jwt                  = local.api.jwt
  batch                = local.api.batch

  account_logging_role = local.api.account_logging_role
  log_days             = min(local.size.log_days, 30)
  kms_key_arn          = local.key_arn

  function = local.serverless == 0 ? null : {
    name       = module.serverless[0].function_name
    alias      = module.serverless[0].alias
    invoke_arn = module.serverless[0].invoke_arn
  }

  load_balancer = local.balanced == 0 ? null : {
    arn               = module.load_balancer[0].load_balancer_arn
    listener_arn      = module.load_balancer[0].https_listener_arn
    domain            = local.fqdn
    subnet_ids        = module.network.private_subnet_ids
    security_group_id = aws_security_group.link[0].id
    client_header     = local.client_header
  }

  domain = var.domain == null ? null : {
    name = local.fqdn
    certificate_arn = (
      var.certificate_arn != null ? var.certificate_arn :
      local.serverless == 1 ? module.certificate[0].arn : module.load_balancer[0].certificate_arn
    )
  }
}

locals {
  # By which the firewall of the load balancer tells the clients of an API apart.
  client_header = "x-client-ip"

  # What the service's name points at, or null on a single host (whose address is a record of its own).
  behind = (
    var.domain == null || local.single == 1 ? null :
    local.api != null ? module.api_gateway[0].alias :
    { name = module.load_balancer[0].dns_name, zone_id = module.load_balancer[0].zone_id }
  )
}

# The API gateway's foot in the VPC: to the load balancer, nowhere else.
resource "aws_security_group" "link" {
  #checkov:skip=CKV2_AWS_5:attached to the VPC link
  count = local.api != null ? local.balanced : 0

  name        = "${local.name}-api-link"
  description = "From the API gateway to the load balancer"
  vpc_id      = module.network.vpc_id

  tags = { Name = "${local.name}-api-link" }
}

resource "aws_vpc_security_group_egress_rule" "link" {
  count = length(aws_security_group.link)

  security_group_id            = aws_security_group.link[0].id
  description                  = "The load balancer"
  referenced_security_group_id = module.load_balancer[0].security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

# A function needs a place in the VPC only for a database or a cache.
resource "aws_security_group" "function" {
  #checkov:skip=CKV2_AWS_5:attached to the function
  count = local.serverless == 1 && local.stores ? 1 : 0

  name        = "${local.name}-function"
  description = "From the function to its stores"
  vpc_id      = module.network.vpc_id

  tags = { Name = "${local.name}-function" }
}

resource "aws_vpc_security_group_egress_rule" "function" {
  for_each = length(aws_security_group.function) > 0 ? { https = 443, database = 5432, cache = 6379 } : {}

  security_group_id = aws_security_group.function[0].id
  description       = "Inside the VPC: ${each.key}"
  cidr_ipv4         = module.network.cidr
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value
}

# The gateway endpoint leads there, but its addresses are not in the VPC.
resource "aws_vpc_security_group_egress_rule" "function_s3" {
  count = length(aws_security_group.function)

  security_group_id = aws_security_group.function[0].id
  description       = "Models in S3"
  prefix_list_id    = module.network.s3_prefix_list_id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}
