# Inputs of what serves: the service's environment, the firewall, the function, its stores. Defaults are in the modules.

variable "environment" {
  description = "Plain environment variables of the service in ECS and Lambda, for instance { MODEL_STORE = \"s3://…/models\" }. Hosts: env of the service in the inventory."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for k in keys(var.environment) : can(regex("^[A-Z][A-Z0-9_]*$", k))])
    error_message = "environment: names are upper-case letters, digits and _, got ${jsonencode(keys(var.environment))}."
  }
}

variable "waf" {
  description = "The firewall of the load balancer (features.waf): requests per client in five minutes, address lists, rules of AWS's groups that only count (group = rules)."
  type = object({
    rate_limit  = optional(number)
    allow_cidrs = optional(list(string))
    block_cidrs = optional(list(string))
    count_rules = optional(map(list(string)))
  })
  default = {}
}

variable "function" {
  description = "The Lambda function: reserved concurrency (null: none), provisioned instances, timeout in seconds, scratch space in MiB."
  type = object({
    concurrency = optional(number)
    warm        = optional(number, 0)
    timeout_s   = optional(number)
    scratch     = optional(number)
  })
  default = {}
}

variable "database" {
  description = "The database (features.database): name and owner of the first database, PostgreSQL version, storage in GB and its limit, days of backups (null: as size.backup_days). major_upgrade: with another major version, upgrade to it. user is what the service connects as, by IAM; create it once: docs/terraform.md."
  type = object({
    name        = optional(string)
    owner       = optional(string)
    user        = optional(string, "service")
    version     = optional(string)
    storage_gb  = optional(number)
    max_gb      = optional(number)
    backup_days = optional(number)

    major_upgrade = optional(bool, false)
  })
  default = {}

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,62}$", var.database.user))
    error_message = "database.user must be lower-case letters, digits and _, got \"${var.database.user}\"."
  }
}

variable "cache" {
  description = "The cache (features.cache): Valkey version, days of snapshots."
  type        = object({ version = optional(string), snapshot_days = optional(number) })
  default     = {}
}

variable "fleet" {
  description = "The fleet: CPU target in percent, warm-up of a host, time to converge and to drain in seconds."
  type = object({
    cpu_percent = optional(number)
    warmup_s    = optional(number)
    converge_s  = optional(number)
    drain_s     = optional(number)
  })
  default = {}
}
