variable "name" {
  description = "Prefix of all resource names, for instance slipway-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,40}$", var.name))
    error_message = "name must be 2 to 41 lower-case letters, digits or hyphens and start with a letter, got \"${var.name}\"."
  }
}

variable "vpc_id" {
  description = "VPC of the load balancer."
  type        = string
}

variable "vpc_cidr" {
  description = "Network of the VPC, with the targets: the only destination of the load balancer."
  type        = string

  validation {
    condition     = can(cidrhost(var.vpc_cidr, 0)) && !endswith(var.vpc_cidr, "/0")
    error_message = "vpc_cidr must be the VPC's IPv4 network, got \"${var.vpc_cidr}\"."
  }
}

variable "subnet_ids" {
  description = "Subnets in two or more zones: public, or private if internal."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids must be in at least two zones, got ${length(var.subnet_ids)}."
  }
}

variable "internal" {
  description = "Reachable inside the VPC only (behind an API gateway)."
  type        = bool
  default     = false
}

variable "web_cidrs" {
  description = "IPv4 networks that may reach ports 80 and 443."
  type        = list(string)
  default     = ["0.0.0.0/0"]

  validation {
    condition     = length(var.web_cidrs) > 0 && alltrue([for c in var.web_cidrs : can(cidrhost(c, 0))])
    error_message = "web_cidrs must be IPv4 networks, got ${jsonencode(var.web_cidrs)}."
  }
}

variable "certificate" {
  description = "An issued certificate's ARN, or a domain and its zone to have one issued and validated by DNS."
  type = object({
    arn     = optional(string)
    domain  = optional(string)
    zone_id = optional(string)
  })
  default = {}
}

variable "targets" {
  description = "Targets: instance (hosts) or ip (ECS tasks), port, protocol, readiness path, deregistration delay in seconds."
  type = object({
    type       = optional(string, "instance")
    port       = optional(number, 443)
    protocol   = optional(string, "HTTPS")
    ready_path = optional(string, "/ready")
    drain_s    = optional(number, 30)
  })
  default = {}

  validation {
    condition     = contains(["instance", "ip"], var.targets.type) && contains(["HTTP", "HTTPS"], var.targets.protocol)
    error_message = "targets: type must be instance or ip and protocol HTTP or HTTPS, got ${var.targets.type} and ${var.targets.protocol}."
  }

  validation {
    condition     = var.targets.drain_s >= 0 && var.targets.drain_s <= 3600
    error_message = "targets.drain_s must be 0 to 3600, got ${var.targets.drain_s}."
  }
}

variable "weights" {
  description = "Traffic weight of each target group in percent; they sum to 100."
  type        = object({ blue = number, green = number })
  default     = { blue = 100, green = 0 }

  validation {
    condition     = var.weights.blue >= 0 && var.weights.green >= 0 && var.weights.blue + var.weights.green == 100
    error_message = "weights must sum to 100, got blue ${var.weights.blue} and green ${var.weights.green}."
  }
}

variable "stickiness_s" {
  description = "Stickiness of a client to its first target group in seconds, for A/B tests; 0: none."
  type        = number
  default     = 0

  validation {
    condition     = var.stickiness_s >= 0 && var.stickiness_s <= 604800
    error_message = "stickiness_s must be 0 to 604800 (a week), got ${var.stickiness_s}."
  }
}

variable "log_bucket" {
  description = "Bucket for access logs (prefix alb/)."
  type        = string
}

variable "protected" {
  description = "Refuse deletion through the API."
  type        = bool
  default     = true
}

variable "idle_timeout_s" {
  description = "Time after which an idle connection is closed, and for which a response may take without a byte, in seconds. Targets must keep idle connections longer (the edge: 75 s)."
  type        = number
  default     = 60

  validation {
    condition     = var.idle_timeout_s >= 1 && var.idle_timeout_s <= 4000
    error_message = "idle_timeout_s must be 1 to 4000, got ${var.idle_timeout_s}."
  }
}

variable "waf" {
  description = "Web application firewall: AWS's managed rule groups, rules of them that only count, requests per client in five minutes, how a client is identified (IP, or FORWARDED_IP: by the address in rate_header, which a proxy sets), and address lists. Bodies of predictions exceed 8 KB, and programs send no User-Agent, so these two rules count by default."
  type = object({
    enabled        = optional(bool, true)
    managed_groups = optional(list(string), ["AWSManagedRulesAmazonIpReputationList", "AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet"])
    count_rules    = optional(map(list(string)), { AWSManagedRulesCommonRuleSet = ["SizeRestrictions_BODY", "NoUserAgent_HEADER"] })
    rate_limit     = optional(number, 100000)
    rate_by        = optional(string, "IP")
    rate_header    = optional(string, "X-Forwarded-For")
    allow_cidrs    = optional(list(string), [])
    block_cidrs    = optional(list(string), [])
    log_days       = optional(number, 30)
  })
  default = {}

  validation {
    condition     = var.waf.rate_limit >= 100
    error_message = "waf.rate_limit must be at least 100 requests in five minutes, got ${var.waf.rate_limit}."
  }

  validation {
    condition     = contains(["IP", "FORWARDED_IP"], var.waf.rate_by)
    error_message = "waf.rate_by must be IP or FORWARDED_IP, got \"${var.waf.rate_by}\"."
  }

  validation {
    condition     = can(regex("^[A-Za-z0-9-]{1,64}$", var.waf.rate_header))
    error_message = "waf.rate_header must be the name of a header, got \"${var.waf.rate_header}\"."
  }

  validation {
    condition     = length(setsubtract(keys(var.waf.count_rules), var.waf.managed_groups)) == 0
    error_message = "waf.count_rules names groups that are not in waf.managed_groups: ${jsonencode(setsubtract(keys(var.waf.count_rules), var.waf.managed_groups))}."
  }

  validation {
    condition     = alltrue([for c in concat(var.waf.allow_cidrs, var.waf.block_cidrs) : can(cidrhost(c, 0)) && !endswith(c, "/0")])
    error_message = "waf: allow_cidrs and block_cidrs must be IPv4 networks, never /0, got ${jsonencode(concat(var.waf.allow_cidrs, var.waf.block_cidrs))}."
  }

  validation {
    condition     = length(setintersection(var.waf.allow_cidrs, var.waf.block_cidrs)) == 0
    error_message = "waf: the same network is allowed and blocked: ${jsonencode(setintersection(var.waf.allow_cidrs, var.waf.block_cidrs))}."
  }
}

variable "kms_key_arn" {
  description = "Key of the firewall's log group; null: the default key of CloudWatch."
  type        = string
  default     = null
}
