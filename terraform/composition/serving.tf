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

variable "task" {
  description = "The container of an ECS task: port, user and group (numbers), readiness path, seconds to end in when it is stopped."
  type = object({
    port       = optional(number, 8080)
    user       = optional(string)
    ready_path = optional(string, "/ready")
    stop_s     = optional(number)
  })
  default = {}

  validation {
    condition     = var.task.port >= 1024 && var.task.port <= 65535
    error_message = "task.port must be 1024 to 65535 (the container is not root), got ${var.task.port}."
  }

  validation {
    condition     = can(regex("^/[A-Za-z0-9._~/-]*$", var.task.ready_path))
    error_message = "task.ready_path must be the path of a URL such as /ready, got \"${var.task.ready_path}\"."
  }

  validation {
    condition     = can(regex("^[1-9][0-9]*:[1-9][0-9]*$", coalesce(var.task.user, "1:1")))
    error_message = "task.user must be the numbers of a user and a group that are not root, such as 10001:10001, got \"${coalesce(var.task.user, "null")}\"."
  }
}

variable "ami_id" {
  description = "Image of the hosts, of the operating system in size.os and of size.architecture; null: the latest of its vendor. A new one replaces the hosts of a fleet one by one, and no single host."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^ami-[0-9a-f]{8,17}$", coalesce(var.ami_id, "ami-00000000")))
    error_message = "ami_id must look like ami-0123456789abcdef0, got \"${coalesce(var.ami_id, "null")}\"."
  }
}

variable "image_retention" {
  description = "Images that the registry keeps: number of releases, number deployed to each environment, and days of untagged ones (null: the values of modules/registry). Hosts roll back to what the registry has."
  type = object({
    releases      = optional(number)
    deployed      = optional(number)
    untagged_days = optional(number)
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
