variable "name" {
  description = "Prefix of all resource names, for instance slipway-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,40}$", var.name))
    error_message = "name must be 2 to 41 lower-case letters, digits or hyphens and start with a letter, got \"${var.name}\"."
  }
}

variable "cidr" {
  description = "IPv4 network of the VPC, /16 to /22. It is split into 16 equal parts: public 0-2, private 4-6, isolated 8-10."
  type        = string

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && try(cidrhost(var.cidr, 0) == split("/", var.cidr)[0], false)
    error_message = "cidr must be an IPv4 network such as 10.20.0.0/16 with no host bits set, got \"${var.cidr}\"."
  }

  validation {
    condition     = try(tonumber(split("/", var.cidr)[1]) >= 16 && tonumber(split("/", var.cidr)[1]) <= 22, false)
    error_message = "cidr must be between /16 and /22, got \"${var.cidr}\"."
  }
}

variable "existing" {
  description = "An existing VPC and its subnets; null: create them from cidr. Nothing in it is created or changed: routes, NAT, endpoints and flow logs are its owner's."
  type = object({
    vpc_id              = string
    public_subnet_ids   = optional(list(string), [])
    private_subnet_ids  = optional(list(string), [])
    isolated_subnet_ids = optional(list(string), [])
  })
  default = null

  validation {
    condition = alltrue(concat(
      [can(regex("^vpc-[0-9a-f]+$", try(var.existing.vpc_id, "vpc-0")))],
      [for s in flatten([try(var.existing.public_subnet_ids, []), try(var.existing.private_subnet_ids, []), try(var.existing.isolated_subnet_ids, [])]) : can(regex("^subnet-[0-9a-f]+$", s))],
    ))
    error_message = "existing must have a vpc_id such as vpc-0123456789abcdef0 and subnet ids such as subnet-0123456789abcdef0, got ${jsonencode(var.existing)}."
  }
}

variable "peer_cidrs" {
  description = "Networks that this VPC must not overlap, by name: the other environments, offices, peered VPCs."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for c in values(var.peer_cidrs) : can(cidrhost(c, 0))])
    error_message = "peer_cidrs must be IPv4 networks, got ${jsonencode([for c in values(var.peer_cidrs) : c if !can(cidrhost(c, 0))])}."
  }
}

variable "az_count" {
  description = "Availability zones to spread over."
  type        = number
  default     = 2

  validation {
    condition     = contains([2, 3], var.az_count)
    error_message = "az_count must be 2 or 3, got ${var.az_count}."
  }
}

variable "azs" {
  description = "Availability zones by name; null takes the region's first az_count. Some zones lack some instance types."
  type        = list(string)
  default     = null

  validation {
    condition     = var.azs == null || contains([2, 3], length(coalesce(var.azs, [])))
    error_message = "azs must name 2 or 3 zones, got ${jsonencode(var.azs)}."
  }
}

variable "egress" {
  description = "Egress of private subnets: none, single_nat (cheap, one zone), nat_per_az, or endpoints (AWS services only)."
  type        = string
  default     = "none"

  validation {
    condition     = contains(["none", "single_nat", "nat_per_az", "endpoints"], var.egress)
    error_message = "egress must be none, single_nat, nat_per_az or endpoints, got \"${var.egress}\"."
  }
}

variable "interface_endpoints" {
  description = "Interface endpoints created if egress is \"endpoints\"; each costs by the hour and zone."
  type        = set(string)
  default     = ["ecr.api", "ecr.dkr", "logs", "ssm", "ssmmessages", "ec2messages", "secretsmanager"]
  nullable    = false

  validation {
    condition = length(setsubtract(var.interface_endpoints, [
      "ecr.api", "ecr.dkr", "logs", "monitoring", "ssm", "ssmmessages", "ec2messages", "secretsmanager", "sts", "kms", "autoscaling", "sns", "xray",
    ])) == 0
    error_message = "interface_endpoints has a service that nothing here uses: ${jsonencode(var.interface_endpoints)}."
  }
}

variable "ipv6" {
  description = "Give the VPC and its public subnets an IPv6 network."
  type        = bool
  default     = false
}

variable "flow_logs" {
  description = "Flow logs to CloudWatch: what to record and for how many days."
  type = object({
    enabled        = optional(bool, true)
    traffic_type   = optional(string, "REJECT")
    retention_days = optional(number, 365)
  })
  default = {}

  validation {
    condition     = contains(["ACCEPT", "REJECT", "ALL"], var.flow_logs.traffic_type)
    error_message = "flow_logs.traffic_type must be ACCEPT, REJECT or ALL, got \"${var.flow_logs.traffic_type}\"."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the flow logs; null: the default key of CloudWatch."
  type        = string
  default     = null
}

variable "permissions_boundary" {
  description = "Permissions boundary (policy ARN) of the roles; null: none."
  type        = string
  default     = null
}
