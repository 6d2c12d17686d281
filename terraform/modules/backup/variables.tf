variable "name" {
  description = "Prefix of all resource names, for instance slipway-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,40}$", var.name))
    error_message = "name must be 2 to 41 lower-case letters, digits or hyphens and start with a letter, got \"${var.name}\"."
  }
}

variable "schedule" {
  description = "Schedule of daily backups (cron, UTC; at the database's own window from 2:00 to 3:00, and an hour before its maintenance, AWS refuses them) and retention of daily, weekly and monthly ones in days; 0: none of that kind."
  type = object({
    cron         = optional(string, "cron(0 5 * * ? *)")
    daily_days   = optional(number, 14)
    weekly_days  = optional(number, 60)
    monthly_days = optional(number, 0)
  })
  default = {}

  validation {
    condition     = can(regex("^cron\\(.+\\)$", var.schedule.cron))
    error_message = "schedule.cron must look like cron(0 5 * * ? *), got \"${var.schedule.cron}\"."
  }

  validation {
    condition     = var.schedule.daily_days >= 1 && alltrue([for d in [var.schedule.weekly_days, var.schedule.monthly_days] : d == 0 || d >= 7])
    error_message = "schedule: daily_days must be at least 1, weekly_days and monthly_days 0 or at least 7, got ${jsonencode(var.schedule)}."
  }
}

variable "selected_by" {
  description = "Tag that selects the hosts, databases and buckets to back up."
  type        = object({ key = string, value = string })

  validation {
    condition     = length(var.selected_by.key) > 0 && length(var.selected_by.value) > 0
    error_message = "selected_by must have a key and a value, got ${jsonencode(var.selected_by)}."
  }
}

variable "copy" {
  description = "Copies of every backup in the region of the provider aws.replica, and the key there (null: the default key); null: no copies."
  type = object({
    kms_key_arn = optional(string)
    days        = optional(number, 14)
  })
  default = null

  validation {
    condition     = try(var.copy.days, 1) >= 1
    error_message = "copy.days must be at least 1, got ${try(var.copy.days, 0)}."
  }
}

variable "snapshots" {
  description = "Snapshots by DLM of the volumes of the selected hosts, between the backups: interval in hours, number to retain. null: none."
  type = object({
    every_hours = optional(number, 12)
    keep        = optional(number, 6)
  })
  default = null

  validation {
    condition     = contains([1, 2, 3, 4, 6, 8, 12, 24], try(var.snapshots.every_hours, 12))
    error_message = "snapshots.every_hours must be 1, 2, 3, 4, 6, 8, 12 or 24, got ${try(var.snapshots.every_hours, 0)}."
  }

  validation {
    condition     = try(var.snapshots.keep, 1) >= 1 && try(var.snapshots.keep, 1) <= 1000
    error_message = "snapshots.keep must be 1 to 1000, got ${try(var.snapshots.keep, 0)}."
  }
}

variable "topic_arn" {
  description = "SNS topic for notifications of failed backups."
  type        = string
}

variable "force_destroy" {
  description = "Let terraform destroy delete the vaults with their contents. Only for disposable environments."
  type        = bool
  default     = false
}

variable "kms_key_arn" {
  description = "Key of the vault; null: the default key of AWS Backup."
  type        = string
  default     = null
}

variable "permissions_boundary" {
  description = "Permissions boundary (policy ARN) of the roles; null: none."
  type        = string
  default     = null
}
