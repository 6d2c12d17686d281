# Sizes and switches. What is left null comes from the environment's own file (environment.tf).

variable "features" {
  description = "Feature switches. kms: customer-managed key; flow_logs, waf, trail, dashboard, anomaly_detection: monitoring and protection; backups, snapshots, replicate: backup and replication; database, cache: data stores; registry: create the ECR repository here; off_hours: scheduled stop; host_metrics: alarms on what a host's agent publishes (none is installed here); steady_traffic: alarm when no request arrives; exec: shells in ECS tasks; protected: refuse deletion."
  type = object({
    kms               = optional(bool)
    flow_logs         = optional(bool)
    waf               = optional(bool)
    trail             = optional(bool)
    dashboard         = optional(bool)
    anomaly_detection = optional(bool)
    backups           = optional(bool)
    snapshots         = optional(bool)
    replicate         = optional(bool)
    database          = optional(bool)
    cache             = optional(bool)
    registry          = optional(bool)
    off_hours         = optional(bool)
    host_metrics      = optional(bool)
    steady_traffic    = optional(bool)
    exec              = optional(bool)
    protected         = optional(bool)
  })
  default = {}
}

variable "size" {
  description = "Sizes. cpu_credits: of burstable types (standard slows a busy single host down, unlimited bills its CPU). min, max, warm, spot_percent: of a fleet or of ECS tasks. MiB, CPU units (1024 is a vCPU), days."
  type = object({
    instance_types      = optional(list(string))
    architecture        = optional(string)
    os                  = optional(string)
    root_gb             = optional(number)
    detailed_metrics    = optional(bool)
    cpu_credits         = optional(string)
    min                 = optional(number)
    max                 = optional(number)
    warm                = optional(number)
    spot_percent        = optional(number)
    requests_per_target = optional(number)
    task_cpu            = optional(number)
    task_memory         = optional(number)
    function_memory     = optional(number)
    database_class      = optional(string)
    database_multi_az   = optional(bool)
    cache_type          = optional(string)
    cache_nodes         = optional(number)
    log_days            = optional(number)
    backup_days         = optional(number)
    backup_weekly_days  = optional(number)
  })
  default = {}

  validation {
    condition     = var.size.architecture == null || contains(["x86_64", "arm64"], coalesce(var.size.architecture, "none"))
    error_message = "size.architecture must be x86_64 or arm64, got \"${coalesce(var.size.architecture, "null")}\"."
  }

  validation {
    condition     = var.size.os == null || contains(["debian-12", "debian-13", "ubuntu-24.04"], coalesce(var.size.os, "none"))
    error_message = "size.os must be debian-13, debian-12 or ubuntu-24.04, got \"${coalesce(var.size.os, "null")}\"."
  }
}

variable "thresholds" {
  description = "Thresholds of the alarms, in percent, milliseconds, days, or a count in five minutes; what is left out has the default of modules/observability."
  type = object({
    cpu_percent      = optional(number)
    memory_percent   = optional(number)
    disk_percent     = optional(number)
    latency_p95_ms   = optional(number)
    errors_5xx       = optional(number)
    certificate_days = optional(number)
  })
  default = {}
}

variable "off_hours" {
  description = "When features.off_hours stops and starts the environment: hours and days in a time zone."
  type = object({
    sleep_hour = optional(number, 20)
    wake_hour  = optional(number, 7)
    days       = optional(string, "MON-FRI")
    timezone   = optional(string, "Europe/Berlin")
  })
  default = {}

  validation {
    condition     = alltrue([for h in [var.off_hours.sleep_hour, var.off_hours.wake_hour] : h >= 0 && h <= 23]) && var.off_hours.sleep_hour != var.off_hours.wake_hour
    error_message = "off_hours: sleep_hour and wake_hour must be different hours of a day, got ${var.off_hours.sleep_hour} and ${var.off_hours.wake_hour}."
  }
}
