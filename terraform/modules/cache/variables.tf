variable "name" {
  description = "Prefix of all resource names, for instance slipway-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,40}$", var.name))
    error_message = "name must be 2 to 41 lower-case letters, digits or hyphens and start with a letter, got \"${var.name}\"."
  }
}

variable "vpc_id" {
  description = "VPC of the cache."
  type        = string
}

variable "subnet_ids" {
  description = "Isolated subnets in at least two zones."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids must be in at least two zones, got ${length(var.subnet_ids)}."
  }
}

variable "clients" {
  description = "Security groups that may connect, by a name of your choice."
  type        = map(string)
  default     = {}
}

variable "nodes" {
  description = "Node type, number of nodes (one primary, replicas in other zones), and Valkey version."
  type = object({
    type    = optional(string, "cache.t4g.micro")
    count   = optional(number, 2)
    version = optional(string, "8.0")
  })
  default = {}

  validation {
    condition     = can(regex("^cache\\.[a-z0-9]+\\.[a-z0-9]+$", var.nodes.type))
    error_message = "nodes.type must look like cache.t4g.micro, got \"${var.nodes.type}\"."
  }

  validation {
    condition     = var.nodes.count >= 1 && var.nodes.count <= 6
    error_message = "nodes.count must be 1 to 6, got ${var.nodes.count}."
  }
}

variable "snapshot_days" {
  description = "Retention of daily snapshots in days; 0: none (a cache can be refilled)."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.snapshot_days >= 0 && var.snapshot_days <= 35
    error_message = "snapshot_days must be 0 to 35, got ${var.snapshot_days}."
  }
}

variable "notify_topic_arn" {
  description = "SNS topic for notifications of failovers; null: none."
  type        = string
  default     = null
}

variable "kms_key_arn" {
  description = "Key of the data at rest; null: the default key of ElastiCache."
  type        = string
  default     = null
}
