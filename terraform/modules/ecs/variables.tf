variable "name" {
  description = "Prefix of all resource names, for instance slipway-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,40}$", var.name))
    error_message = "name must be 2 to 41 lower-case letters, digits or hyphens and start with a letter, got \"${var.name}\"."
  }
}

variable "service" {
  description = "The service; also the name of its container."
  type        = string
  default     = "inference"
}

variable "vpc_id" {
  description = "VPC of the tasks."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets, one per zone."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 1
    error_message = "subnet_ids is empty: tasks need a subnet, got ${jsonencode(var.subnet_ids)}."
  }
}

variable "image" {
  description = "Image of the first task definition, by digest. Deploys register newer ones; Terraform then leaves the service alone."
  type        = string

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image must be given by digest (repository@sha256:…), got \"${var.image}\"."
  }
}

variable "task" {
  description = "Size and environment of a task: CPU units, MiB, architecture, port, plain environment, secrets (variable = secret's ARN), stop timeout in seconds."
  type = object({
    cpu          = optional(number, 256)
    memory       = optional(number, 512)
    architecture = optional(string, "X86_64")
    port         = optional(number, 8080)
    user         = optional(string, "10001:10001")
    ready_path   = optional(string, "/ready")
    stop_s       = optional(number, 40)
    environment  = optional(map(string), {})
    secrets      = optional(map(string), {})
  })
  default = {}

  validation {
    condition     = contains([256, 512, 1024, 2048, 4096, 8192, 16384], var.task.cpu)
    error_message = "task.cpu must be 256, 512, 1024, 2048, 4096, 8192 or 16384 (1024 is one vCPU), got ${var.task.cpu}."
  }

  validation {
    # Fargate: 2 to 8 times the CPU; its smallest size also takes half a GiB.
    condition     = var.task.memory >= var.task.cpu * 2 && var.task.memory <= var.task.cpu * 8
    error_message = "task.memory must be 2 to 8 times task.cpu (${var.task.cpu}), got ${var.task.memory}."
  }

  validation {
    condition     = contains(["ARM64", "X86_64"], var.task.architecture)
    error_message = "task.architecture must be ARM64 or X86_64, got \"${var.task.architecture}\"."
  }

  validation {
    condition     = var.task.stop_s >= 1 && var.task.stop_s <= 120
    error_message = "task.stop_s must be 1 to 120 (Fargate's longest), got ${var.task.stop_s}."
  }
}

variable "capacity" {
  description = "Minimum and maximum number of tasks, how many of them on demand, and the percentage of Spot in the rest."
  type = object({
    min            = optional(number, 1)
    max            = optional(number, 4)
    on_demand_base = optional(number, 1)
    spot_percent   = optional(number, 0)
  })
  default = {}

  validation {
    condition     = var.capacity.min >= 1 && var.capacity.max >= var.capacity.min
    error_message = "capacity must have 1 <= min <= max, got ${var.capacity.min} and ${var.capacity.max}."
  }

  validation {
    condition     = var.capacity.spot_percent >= 0 && var.capacity.spot_percent <= 100 && var.capacity.on_demand_base >= 0
    error_message = "capacity.spot_percent must be 0 to 100 and on_demand_base not negative, got ${jsonencode(var.capacity)}."
  }
}

variable "scheduled" {
  description = "Scheduled actions of others change the bounds of capacity (off-hours): Terraform sets them once."
  type        = bool
  default     = false
}

variable "insights_days" {
  description = "Retention of the performance data of Container Insights, in days."
  type        = number
  default     = 7
}

variable "scaling" {
  description = "Scaling targets of the number of tasks: CPU and memory in percent, requests per task and minute (null: not used)."
  type = object({
    cpu_percent         = optional(number, 70)
    memory_percent      = optional(number, 80)
    requests_per_target = optional(number)
  })
  default = {}

  validation {
    condition     = alltrue([for p in [var.scaling.cpu_percent, var.scaling.memory_percent] : p > 0 && p < 100])
    error_message = "scaling: percentages must be between 0 and 100, got ${var.scaling.cpu_percent} and ${var.scaling.memory_percent}."
  }
}

variable "load_balancer" {
  description = "Target group to join, who may reach the tasks' port, and the label that request-based scaling needs."
  type = object({
    target_group_arn  = string
    security_group_id = string
    resource_label    = optional(string)
  })
}

variable "roles" {
  description = "Role ARNs: execution (ECS itself) and task (the service)."
  type        = object({ execution = string, task = string })
}

variable "log_group" {
  description = "Log group of the containers."
  type        = string
}

variable "discovery" {
  description = "Private DNS namespace of the service (<service>.<namespace>); null: none."
  type        = string
  default     = null

  validation {
    condition     = var.discovery == null || can(regex("^[a-z0-9-]+(\\.[a-z0-9-]+)+$", var.discovery))
    error_message = "discovery must be a domain such as dev.slipway.internal, got \"${coalesce(var.discovery, "-")}\"."
  }
}

variable "exec" {
  description = "Allow a shell in a task (ecs execute-command), which needs a writable root file system; off by default, for debugging only."
  type        = bool
  default     = false
}

variable "kms_key_arn" {
  description = "Key of the shell sessions; null: the default key of the account."
  type        = string
  default     = null
}
