variable "name" {
  description = "Prefix of all resource names, for instance slipway-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,40}$", var.name))
    error_message = "name must be 2 to 41 lower-case letters, digits or hyphens and start with a letter, got \"${var.name}\"."
  }
}

variable "kind" {
  description = "http: low cost and latency, CORS, throttling. rest: also API keys, usage plans, quotas and request validation."
  type        = string
  default     = "http"

  validation {
    condition     = contains(["http", "rest"], var.kind)
    error_message = "kind must be http or rest, got \"${var.kind}\"."
  }
}

variable "function" {
  description = "Backend: a Lambda alias (its name, function and ARNs). Set this or load_balancer."
  type        = object({ name = string, alias = string, invoke_arn = string })
  default     = null
}

variable "load_balancer" {
  description = "Backend: an internal load balancer reached by a VPC link. domain is the name on its certificate, client_header the header that gets the address of the client (a client's own is replaced)."
  type = object({
    arn               = string
    listener_arn      = string
    domain            = string
    subnet_ids        = list(string)
    security_group_id = string
    client_header     = optional(string, "x-client-ip")
  })
  default = null

  validation {
    # Reserved: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-parameter-mapping.html
    condition     = can(regex("^[a-z][a-z0-9-]+$", try(var.load_balancer.client_header, "x-client-ip"))) && !can(regex("^(x-amz|apigw|x-forwarded|forwarded|via)", try(var.load_balancer.client_header, "x-client-ip")))
    error_message = "load_balancer.client_header must be lower-case and none that API Gateway reserves, such as x-client-ip, got \"${try(var.load_balancer.client_header, "")}\"."
  }
}

variable "routes" {
  description = "Allowed routes, as \"METHOD /path\"."
  type        = set(string)
  default     = ["POST /predict", "GET /health", "GET /ready", "GET /version"]
  nullable    = false

  validation {
    condition     = length(var.routes) > 0 && alltrue([for r in var.routes : can(regex("^(GET|POST|PUT|DELETE|PATCH) /[a-z0-9_-]+$", r))])
    error_message = "routes must look like \"POST /predict\", one path segment each, got ${jsonencode(var.routes)}."
  }
}

variable "cors_origins" {
  description = "Web origins whose pages may call the API (HTTP API only). Empty: no CORS headers."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for o in var.cors_origins : can(regex("^https?://[^/*]+$", o))])
    error_message = "cors_origins must be origins such as https://app.example.com, never \"*\", got ${jsonencode(var.cors_origins)}."
  }
}

variable "throttle" {
  description = "Requests per second for the whole API, and burst."
  type = object({
    rate  = optional(number, 1000)
    burst = optional(number, 2000)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.throttle.rate > 0 && var.throttle.burst >= var.throttle.rate
    error_message = "throttle: rate must be positive and burst at least the rate, got ${var.throttle.rate} and ${var.throttle.burst}."
  }
}

variable "jwt" {
  description = "Require a token of this issuer (HTTP API only); null: open, with throttling."
  type        = object({ issuer = string, audiences = list(string) })
  default     = null

  validation {
    condition     = var.jwt == null || startswith(try(var.jwt.issuer, ""), "https://")
    error_message = "jwt.issuer must be an https URL, got \"${try(var.jwt.issuer, "")}\"."
  }
}

variable "plans" {
  description = "Usage plans of a REST API: requests per second, burst, daily quota, and their API keys by name."
  type = map(object({
    rate          = optional(number, 10)
    burst         = optional(number, 20)
    quota_per_day = optional(number, 10000)
    keys          = optional(set(string), [])
  }))
  default = {}

  validation {
    condition     = alltrue([for p in values(var.plans) : p.rate > 0 && p.burst >= p.rate && p.quota_per_day > 0])
    error_message = "plans: rate and quota_per_day must be positive and burst at least the rate, got ${jsonencode(var.plans)}."
  }

  validation {
    condition     = length(flatten([for p in values(var.plans) : tolist(p.keys)])) == length(distinct(flatten([for p in values(var.plans) : tolist(p.keys)])))
    error_message = "plans: a key is on one plan only, got ${jsonencode({ for k, p in var.plans : k => p.keys })}."
  }
}

variable "batch" {
  description = "Shape of a valid prediction request of a REST API: maximum number of instances, numbers in each."
  type = object({
    max_instances = optional(number, 100)
    features      = optional(number, 30)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.batch.max_instances >= 1 && var.batch.features >= 1
    error_message = "batch: max_instances and features must be at least 1, got ${jsonencode(var.batch)}."
  }
}

variable "domain" {
  description = "Custom domain and its ACM certificate in this region; null: the default name of AWS."
  type        = object({ name = string, certificate_arn = string })
  default     = null
}

variable "log_days" {
  description = "Retention of access logs, in days."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096], var.log_days)
    error_message = "log_days: CloudWatch knows no such retention, got ${var.log_days} (1, 3, 5, 7, 14, 30, 60, 90, 180, 365 …)."
  }
}

variable "account_logging_role" {
  description = "Create the account-wide role that REST APIs log with. One per account and region; false if it exists."
  type        = bool
  default     = true
}

variable "kms_key_arn" {
  description = "Key of the access logs; null: the default key of CloudWatch."
  type        = string
  default     = null
}

variable "permissions_boundary" {
  description = "Permissions boundary (policy ARN) of the roles; null: none."
  type        = string
  default     = null
}
