variable "name" {
  description = "Prefix of all resource names, for instance slipway-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,40}$", var.name))
    error_message = "name must be 2 to 41 lower-case letters, digits or hyphens and start with a letter, got \"${var.name}\"."
  }
}

variable "service" {
  description = "The monitored service; a dimension of its metrics."
  type        = string
  default     = "inference"
}

variable "notify" {
  description = "E-mail addresses that alarms notify. Empty: alarms still publish to the topic, to which other systems may subscribe."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for m in var.notify : can(regex("^[^@[:space:]]+@[^@[:space:]]+\\.[^@[:space:]]+$", m))])
    error_message = "notify must be e-mail addresses, got ${jsonencode(var.notify)}."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts topic, logs and trail; null: the default keys of the services."
  type        = string
  default     = null
}

variable "log_groups" {
  description = "Log groups by short name, with days of retention; the name becomes /slipway/<name>/<key>."
  type        = map(number)
  default     = { access = 30, events = 365, app = 30 }

  validation {
    condition     = alltrue([for d in values(var.log_groups) : contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096], d)])
    error_message = "log_groups: CloudWatch knows no such retention, got ${jsonencode(var.log_groups)} (1, 3, 5, 7, 14, 30, 60, 90, 180, 365 …)."
  }
}

variable "watch" {
  description = "Monitored resources. hosts: instance ids by name. load_balancer: ARN suffixes. ecs, function, api: names. Absent parts get no alarms."
  type = object({
    hosts         = optional(map(string), {})
    group         = optional(string)
    load_balancer = optional(object({ suffix = string, target_groups = map(string) }))
    ecs           = optional(object({ cluster = string, service = string }))
    function      = optional(string)
    api           = optional(object({ id = string, kind = optional(string, "http") }))
  })
  default = {}

  validation {
    condition     = contains(["http", "rest"], try(coalesce(var.watch.api.kind, "http"), "http"))
    error_message = "watch.api.kind must be http or rest, got \"${try(var.watch.api.kind, "")}\"."
  }
}

variable "thresholds" {
  description = "Thresholds of the alarms, in percent, milliseconds, days, or a count in five minutes."
  type = object({
    cpu_percent      = optional(number, 80)
    memory_percent   = optional(number, 85)
    disk_percent     = optional(number, 80)
    latency_p95_ms   = optional(number, 500)
    errors_5xx       = optional(number, 5)
    certificate_days = optional(number, 14)
  })
  default = {}

  validation {
    condition = alltrue([
      for p in [var.thresholds.cpu_percent, var.thresholds.memory_percent, var.thresholds.disk_percent] : p > 0 && p < 100
    ])
    error_message = "thresholds: percentages must be between 0 and 100, got ${jsonencode(var.thresholds)}."
  }

  validation {
    condition     = var.thresholds.latency_p95_ms > 0 && var.thresholds.errors_5xx >= 1 && var.thresholds.certificate_days >= 1
    error_message = "thresholds: latency_p95_ms, errors_5xx and certificate_days must be positive, got ${jsonencode(var.thresholds)}."
  }
}

variable "host_metrics" {
  description = "Create alarms on metrics and logs that an agent on the hosts ships. Without the agent there is no data, and the alarms would never change."
  type        = bool
  default     = false
}

variable "steady_traffic" {
  description = "Traffic is steady: alarm if there are no requests for a quarter of an hour."
  type        = bool
  default     = false
}

variable "sleeps" {
  description = "The resources are stopped in off-hours: missing data is then no alarm."
  type        = bool
  default     = false
}

variable "dashboard" {
  description = "Create a dashboard (the first three of an account are free)."
  type        = bool
  default     = true
}

variable "anomaly_detection" {
  description = "Alarm if the request rate leaves its usual band."
  type        = bool
  default     = false
}

variable "trail" {
  description = "CloudTrail of the account's management events into this bucket; null if the account already has one."
  type        = object({ bucket = string, retention_days = optional(number, 365) })
  default     = null
}

variable "permissions_boundary" {
  description = "Permissions boundary (policy ARN) of the roles; null: none."
  type        = string
  default     = null
}
