variable "name" {
  description = "Prefix of all resource names, for instance slipway-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,40}$", var.name))
    error_message = "name must be 2 to 41 lower-case letters, digits or hyphens and start with a letter, got \"${var.name}\"."
  }
}

variable "secrets" {
  description = <<-EOT
    Secrets by key; the name becomes <name>/<key>. value_version: raise it to write values[key] again (null: the value is
    set by hand or by rotation). rotation names the function that rotates it.
  EOT
  type = map(object({
    description   = string
    value_version = optional(number)
    rotation      = optional(object({ lambda_arn = string, days = optional(number, 30) }))
  }))
  default = {}

  validation {
    condition     = alltrue([for k in keys(var.secrets) : can(regex("^[a-z][a-z0-9/_-]{0,60}$", k))])
    error_message = "secrets: keys are lower-case letters, digits, / _ or -, got ${jsonencode(keys(var.secrets))}."
  }

  validation {
    condition     = alltrue([for s in values(var.secrets) : try(s.rotation.days, 30) >= 1 && try(s.rotation.days, 30) <= 90])
    error_message = "secrets: rotation.days must be 1 to 90, got ${jsonencode({ for k, s in var.secrets : k => s.rotation.days if s.rotation != null })}."
  }

  validation {
    condition     = alltrue([for s in values(var.secrets) : s.value_version == null || s.rotation == null])
    error_message = "secrets: a rotated secret has no value from here: ${join(", ", [for k, s in var.secrets : k if s.value_version != null && s.rotation != null])}."
  }
}

variable "values" {
  description = "Values to write, by key of secrets. Ephemeral: they are stored in neither plan nor state (set by TF_VAR_… for the one apply that raises value_version)."
  type        = map(string)
  default     = {}
  ephemeral   = true
  sensitive   = true
}

variable "parameters" {
  description = "Plain settings in SSM Parameter Store by key; the name becomes /slipway/<name>/<key>."
  type        = map(object({ value = string, description = string }))
  default     = {}

  validation {
    condition     = alltrue([for p in values(var.parameters) : length(p.value) > 0])
    error_message = "parameters: Parameter Store refuses empty values: ${join(", ", [for k, p in var.parameters : k if length(p.value) == 0])}."
  }
}

variable "services" {
  description = "Services with a desired release; each gets the parameter /slipway/<name>/<service>/wanted, written by deploys."
  type        = set(string)
  default     = ["inference"]

  validation {
    condition     = alltrue([for s in var.services : can(regex("^[a-z][a-z0-9-]*$", s))])
    error_message = "services must be lower-case names, got ${jsonencode(var.services)}."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the secrets; null: the Secrets Manager key of the account."
  type        = string
  default     = null
}

variable "recovery_days" {
  description = "Recovery window of a deleted secret in days (7 to 30); 0: deleted immediately, for disposable environments."
  type        = number
  default     = 30

  validation {
    condition     = var.recovery_days == 0 || (var.recovery_days >= 7 && var.recovery_days <= 30)
    error_message = "recovery_days must be 0 or 7 to 30, got ${var.recovery_days}."
  }
}
