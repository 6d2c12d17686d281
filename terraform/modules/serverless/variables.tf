variable "name" {
  description = "Prefix of all resource names, for instance slipway-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,40}$", var.name))
    error_message = "name must be 2 to 41 lower-case letters, digits or hyphens and start with a letter, got \"${var.name}\"."
  }
}

variable "service" {
  description = "The service; the function's name becomes <name>-<service>."
  type        = string
  default     = "inference"
}

variable "image" {
  description = "Image of the first version, by digest. Deploys publish newer ones; Terraform then leaves the function alone."
  type        = string

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image must be given by digest (repository@sha256:…), got \"${var.image}\"."
  }
}

variable "size" {
  description = "Memory in MiB (CPU is proportional), timeout of a request in seconds, architecture, and scratch space in MiB."
  type = object({
    memory       = optional(number, 1024)
    timeout_s    = optional(number, 28)
    architecture = optional(string, "x86_64")
    scratch      = optional(number, 512)
  })
  default = {}

  validation {
    condition     = var.size.memory >= 128 && var.size.memory <= 10240
    error_message = "size.memory must be 128 to 10240 MiB, got ${var.size.memory}."
  }

  validation {
    # API Gateway gives up after 29 seconds: a longer run would be paid for and thrown away.
    condition     = var.size.timeout_s >= 1 && var.size.timeout_s <= 29
    error_message = "size.timeout_s must be 1 to 29, got ${var.size.timeout_s}."
  }

  validation {
    condition     = contains(["arm64", "x86_64"], var.size.architecture)
    error_message = "size.architecture must be arm64 or x86_64, got \"${var.size.architecture}\"."
  }
}

variable "concurrency" {
  description = "Reserved concurrency (null: none; the limit of a new account is 10, of which nothing can be reserved), and provisioned instances (0: scales to zero, no idle cost)."
  type = object({
    limit = optional(number)
    warm  = optional(number, 0)
  })
  default = {}

  validation {
    condition     = var.concurrency.warm >= 0 && var.concurrency.warm <= coalesce(var.concurrency.limit, 1000)
    error_message = "concurrency.warm must be 0 to the limit, got ${var.concurrency.warm} of ${coalesce(var.concurrency.limit, 1000)}."
  }
}

variable "canary" {
  description = "A second version behind the alias and its traffic weight in percent; the live version gets the rest. null: all traffic to the live one."
  type        = object({ version = string, percent = number })
  default     = null

  validation {
    condition     = try(var.canary.percent, 1) > 0 && try(var.canary.percent, 1) < 100
    error_message = "canary.percent must be between 0 and 100, got ${try(var.canary.percent, 0)}."
  }

  validation {
    condition     = can(regex("^[0-9]+$", try(var.canary.version, "1")))
    error_message = "canary.version must be a published version's number, got \"${try(var.canary.version, "")}\"."
  }
}

variable "environment" {
  description = "Plain environment; the service reads secrets from Secrets Manager."
  type        = map(string)
  default     = {}
}

variable "role_arn" {
  description = "Role of the function."
  type        = string
}

variable "vpc" {
  description = "Subnets and security groups, if the function needs a database or cache; null: outside the VPC (faster, no NAT)."
  type        = object({ subnet_ids = list(string), security_group_ids = list(string) })
  default     = null
}

variable "log_group" {
  description = "Log group of the function."
  type        = string
}

variable "kms_key_arn" {
  description = "Key of the environment variables; null: the default key of Lambda."
  type        = string
  default     = null
}
