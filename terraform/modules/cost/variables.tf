variable "name" {
  description = "Prefix of all resource names, for instance slipway-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,40}$", var.name))
    error_message = "name must be 2 to 41 lower-case letters, digits or hyphens and start with a letter, got \"${var.name}\"."
  }
}

variable "budget" {
  description = "Monthly budget in dollars, and the percentages of it that send a notification (actual cost, and forecast at 100); null: none. by_tag: counts only resources with tag, which must be an active cost allocation tag; otherwise the whole account."
  type = object({
    monthly_usd = number
    percents    = optional(list(number), [50, 80, 100])
    by_tag      = optional(bool, false)
  })
  default = null

  validation {
    condition     = try(var.budget.monthly_usd, 1) > 0
    error_message = "budget.monthly_usd must be positive, got ${try(var.budget.monthly_usd, "none")}."
  }

  validation {
    condition     = length(try(var.budget.percents, [100])) >= 1 && length(try(var.budget.percents, [100])) <= 4 && alltrue([for p in try(var.budget.percents, []) : p > 0 && p <= 1000])
    error_message = "budget.percents must be one to four percentages, got ${jsonencode(try(var.budget.percents, []))}."
  }
}

variable "notify" {
  description = "E-mail addresses for cost notifications."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for m in var.notify : can(regex("^[^@[:space:]]+@[^@[:space:]]+\\.[^@[:space:]]+$", m))])
    error_message = "notify must be e-mail addresses, got ${jsonencode(var.notify)}."
  }
}

variable "tag" {
  description = "Tag of the environment: it selects the hosts to stop in off-hours, and the costs for a budget by tag and for the anomaly monitor."
  type        = object({ key = string, value = string })
}

variable "allocation_tags" {
  description = "Tags to activate as cost allocation tags, in one environment of the account (in an organisation, of the paying account). AWS accepts a tag a day after its first use."
  type        = set(string)
  default     = []
}

variable "anomaly_usd" {
  description = "Notify of daily costs this far above the usual, in dollars, per AWS service or, with budget.by_tag, of what has the tag; null: no monitor."
  type        = number
  default     = null

  validation {
    condition     = coalesce(var.anomaly_usd, 1) > 0
    error_message = "anomaly_usd must be positive, got ${coalesce(var.anomaly_usd, 0)}."
  }
}

variable "anomaly_monitor_arn" {
  description = "Existing anomaly monitor to be notified by; null: create one. An account has one monitor of its AWS services, which AWS creates in new accounts: aws ce get-anomaly-monitors."
  type        = string
  default     = null

  validation {
    condition     = var.anomaly_monitor_arn == null || can(regex("^arn:[a-z-]+:ce::[0-9]{12}:anomalymonitor/", var.anomaly_monitor_arn))
    error_message = "anomaly_monitor_arn must be the ARN of an anomaly monitor, got \"${coalesce(var.anomaly_monitor_arn, "null")}\"."
  }
}

variable "off_hours" {
  description = <<-EOT
    Off-hours: instances (ids) and databases (identifiers) are stopped, ECS services (scaling resource ids) scale to zero
    tasks. cron has six fields in the given time zone. The schedules of a fleet belong to its module.
  EOT
  type = object({
    sleep     = optional(string, "cron(0 20 ? * MON-FRI *)")
    wake      = optional(string, "cron(0 7 ? * MON-FRI *)")
    timezone  = optional(string, "Europe/Berlin")
    instances = optional(map(string), {})
    databases = optional(map(string), {})
    services  = optional(map(object({ resource = string, min = number, max = number })), {})
  })
  default = null

  validation {
    condition     = alltrue([for c in [try(var.off_hours.sleep, "cron(x)"), try(var.off_hours.wake, "cron(x)")] : can(regex("^cron\\(.+\\)$", c))])
    error_message = "off_hours: sleep and wake must look like cron(0 20 ? * MON-FRI *), got ${jsonencode([try(var.off_hours.sleep, ""), try(var.off_hours.wake, "")])}."
  }
}

variable "kms_alias" {
  description = "Alias of the key that encrypts the sleeping hosts' volumes and the schedules' input (alias/…); null: default keys."
  type        = string
  default     = null
}

variable "kms_key_arn" {
  description = "Key of the schedules' input; null: the default key of the scheduler."
  type        = string
  default     = null
}

variable "permissions_boundary" {
  description = "Permissions boundary (policy ARN) of the roles; null: none."
  type        = string
  default     = null
}
