variable "name" {
  description = "Prefix of all resource names, for instance slipway-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,40}$", var.name))
    error_message = "name must be 2 to 41 lower-case letters, digits or hyphens and start with a letter, got \"${var.name}\"."
  }
}

variable "vpc_id" {
  description = "VPC of the database."
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

variable "instance" {
  description = "Instance class, storage in GB and its autoscaling limit, PostgreSQL version, and a standby in a second zone. major_upgrade lets a change of version upgrade to another major version, which takes the database down for minutes and cannot be undone."
  type = object({
    class      = optional(string, "db.t4g.micro")
    storage_gb = optional(number, 20)
    max_gb     = optional(number, 100)
    version    = optional(string, "17")
    multi_az   = optional(bool, true)

    major_upgrade = optional(bool, false)
  })
  default = {}

  validation {
    condition     = can(regex("^db\\.[a-z0-9]+\\.[a-z0-9]+$", var.instance.class))
    error_message = "instance.class must look like db.t4g.micro, got \"${var.instance.class}\"."
  }

  validation {
    condition     = var.instance.storage_gb >= 20 && var.instance.max_gb >= var.instance.storage_gb
    error_message = "instance: storage_gb must be at least 20 and max_gb not smaller, got ${var.instance.storage_gb} and ${var.instance.max_gb}."
  }
}

variable "database" {
  description = "Name of the first database and of its owner; RDS creates the owner's password and stores it in Secrets Manager."
  type = object({
    name  = optional(string, "slipway")
    owner = optional(string, "slipway")
  })
  default = {}

  validation {
    condition     = alltrue([for n in [var.database.name, var.database.owner] : can(regex("^[a-z][a-z0-9_]{0,62}$", n))])
    error_message = "database: names are lower-case letters, digits and _, got ${jsonencode(var.database)}."
  }
}

variable "backup_days" {
  description = "Retention of automatic backups (point-in-time recovery), in days."
  type        = number
  default     = 14

  validation {
    condition     = var.backup_days >= 1 && var.backup_days <= 35
    error_message = "backup_days must be 1 to 35, got ${var.backup_days}."
  }
}

variable "log_days" {
  description = "Retention of the database logs, in days."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096], var.log_days)
    error_message = "log_days: CloudWatch knows no such retention, got ${var.log_days} (1, 3, 5, 7, 14, 30, 60, 90, 180, 365 …)."
  }
}

variable "protected" {
  description = "Refuse deletion, and create a final snapshot if the database is deleted all the same."
  type        = bool
  default     = true
}

variable "kms_key_arn" {
  description = "Key of storage, backups, logs and the owner's password; null: the default keys of the services."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of the database only, which backups and schedules select by."
  type        = map(string)
  default     = {}
}

variable "permissions_boundary" {
  description = "Permissions boundary (policy ARN) of the roles; null: none."
  type        = string
  default     = null
}
