variable "name" {
  description = "Prefix of all resource names, for instance slipway-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,40}$", var.name))
    error_message = "name must be 2 to 41 lower-case letters, digits or hyphens and start with a letter, got \"${var.name}\"."
  }
}

variable "service" {
  description = "The service that the hosts run; a dimension of their metrics."
  type        = string
  default     = "inference"
}

variable "vpc_id" {
  description = "VPC of the hosts."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets, one per zone."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 1
    error_message = "subnet_ids is empty: hosts need a subnet, got ${jsonencode(var.subnet_ids)}."
  }
}

variable "instance" {
  description = "Instance settings. types are interchangeable, in order of preference, all of one architecture."
  type = object({
    types              = optional(list(string), ["t3.small"])
    architecture       = optional(string, "x86_64")
    os                 = optional(string, "debian-13")
    ami_id             = optional(string)
    root_gb            = optional(number, 20)
    metadata_hop_limit = optional(number, 1)
    # If all types are burstable (t3, t4g): standard slows a busy host down, unlimited bills its CPU.
    cpu_credits = optional(string, "unlimited")
  })
  default = {}

  validation {
    condition     = length(var.instance.types) > 0 && contains(["arm64", "x86_64"], var.instance.architecture)
    error_message = "instance needs at least one type and arm64 or x86_64, got ${jsonencode(var.instance.types)} and ${var.instance.architecture}."
  }

  validation {
    condition = alltrue([
      for t in var.instance.types : can(regex("^[a-z]+[0-9]+g[a-z]*\\.", t)) == (var.instance.architecture == "arm64")
    ])
    error_message = "instance.types ${jsonencode(var.instance.types)} do not all run ${var.instance.architecture}."
  }

  validation {
    condition     = contains(["ubuntu-24.04", "debian-12", "debian-13"], var.instance.os)
    error_message = "instance.os must be ubuntu-24.04, debian-12 or debian-13, got \"${var.instance.os}\"."
  }

  validation {
    condition     = contains(["standard", "unlimited"], var.instance.cpu_credits)
    error_message = "instance.cpu_credits must be standard or unlimited, got \"${var.instance.cpu_credits}\"."
  }

  validation {
    condition     = contains([1, 2], var.instance.metadata_hop_limit)
    error_message = "instance.metadata_hop_limit must be 1 or 2, got ${var.instance.metadata_hop_limit}."
  }
}

variable "size" {
  description = "Minimum and maximum number of hosts, and number of stopped ones (warm pool)."
  type = object({
    min  = optional(number, 2)
    max  = optional(number, 4)
    warm = optional(number, 0)
  })
  default = {}

  validation {
    condition     = var.size.min >= 0 && var.size.max >= max(1, var.size.min) && var.size.warm >= 0
    error_message = "size must have 0 <= min <= max, 1 <= max and warm >= 0, got ${jsonencode(var.size)}."
  }
}

variable "spot" {
  description = "Percentage of Spot instances above the on-demand base."
  type = object({
    percent        = optional(number, 0)
    on_demand_base = optional(number, 1)
  })
  default = {}

  validation {
    condition     = var.spot.percent >= 0 && var.spot.percent <= 100 && var.spot.on_demand_base >= 0
    error_message = "spot.percent must be 0 to 100 and on_demand_base not negative, got ${jsonencode(var.spot)}."
  }
}

variable "scaling" {
  description = "Scaling targets: CPU and memory in percent, requests per host and minute (null: not used), warm-up of a new host in seconds."
  type = object({
    cpu_percent         = optional(number, 60)
    memory_percent      = optional(number)
    requests_per_target = optional(number)
    warmup_s            = optional(number, 240)
  })
  default = {}

  validation {
    condition     = alltrue([for p in [var.scaling.cpu_percent, coalesce(var.scaling.memory_percent, 50)] : p > 0 && p < 100])
    error_message = "scaling: percentages must be between 0 and 100, got ${jsonencode(var.scaling)}."
  }

  validation {
    condition     = coalesce(var.scaling.requests_per_target, 1) > 0
    error_message = "scaling.requests_per_target must be positive, got ${coalesce(var.scaling.requests_per_target, 0)}."
  }
}

variable "schedules" {
  description = "Scheduled sizes (cron with five fields), for instance nights = { cron = \"0 20 * * MON-FRI\", min = 0, max = 0 }."
  type        = map(object({ cron = string, min = number, max = number, timezone = optional(string, "Etc/UTC") }))
  default     = {}

  validation {
    condition     = alltrue([for s in values(var.schedules) : length(split(" ", s.cron)) == 5 && s.min >= 0 && s.max >= s.min])
    error_message = "schedules: cron has five fields and 0 <= min <= max, got ${jsonencode(var.schedules)}."
  }
}

variable "drain_s" {
  description = "Time for a leaving host to drain before it is terminated, in seconds."
  type        = number
  default     = 120
  nullable    = false

  validation {
    condition     = var.drain_s >= 30 && var.drain_s <= 7200
    error_message = "drain_s must be 30 to 7200, got ${var.drain_s}."
  }
}

variable "converge" {
  description = "Sources of a new host: bucket and key of the bundle of playbooks in S3 (null: none yet, needs size.min = 0), the parameter with the desired release, and the time to converge in seconds."
  type = object({
    bucket           = string
    key              = optional(string)
    wanted_parameter = string
    timeout_s        = optional(number, 900)
  })

  validation {
    condition     = var.converge.timeout_s >= 300 && var.converge.timeout_s <= 7200
    error_message = "converge.timeout_s must be 300 to 7200, got ${var.converge.timeout_s}."
  }
}

variable "load_balancer" {
  description = "Target groups to join, who may reach the hosts' port, and the label that request-based scaling needs."
  type = object({
    target_group_arns = list(string)
    security_group_id = string
    port              = optional(number, 443)
    resource_label    = optional(string)
  })
}

variable "instance_profile" {
  description = "Name of the instance profile."
  type        = string
}

variable "public_keys" {
  description = "Public keys that hosts accept from their first boot, for SSH through Session Manager."
  type        = list(string)
  default     = []
}

variable "kms_key_arn" {
  description = "Key of the root volumes; null: the EBS key of the account."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of the hosts and their volumes (default_tags do not apply to instances that Auto Scaling starts)."
  type        = map(string)
  default     = {}
}
