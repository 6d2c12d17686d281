variable "name" {
  description = "Prefix of all resource names, for instance slipway-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,40}$", var.name))
    error_message = "name must be 2 to 41 lower-case letters, digits or hyphens and start with a letter, got \"${var.name}\"."
  }
}

variable "buckets" {
  description = "Buckets by a short key; the name becomes <name>-<key>-<account>. Old versions are deleted after noncurrent_days, objects after expire_days (null: never)."
  type = map(object({
    noncurrent_days    = optional(number, 90)
    expire_days        = optional(number)
    infrequent_in_days = optional(number)
    replicate          = optional(bool, false)
  }))

  validation {
    condition     = alltrue([for k in keys(var.buckets) : can(regex("^[a-z][a-z0-9-]{0,19}$", k)) && k != "logs"])
    error_message = "buckets: keys are up to 20 lower-case letters, digits or hyphens and not \"logs\", got ${jsonencode(keys(var.buckets))}."
  }

  validation {
    condition     = alltrue([for b in values(var.buckets) : b.noncurrent_days >= 1])
    error_message = "buckets: noncurrent_days must be at least 1, got ${jsonencode({ for k, b in var.buckets : k => b.noncurrent_days })}."
  }

  validation {
    # S3 refuses a move to infrequent access before 30 days.
    condition     = alltrue([for b in values(var.buckets) : coalesce(b.infrequent_in_days, 30) >= 30])
    error_message = "buckets: infrequent_in_days must be at least 30, got ${jsonencode({ for k, b in var.buckets : k => b.infrequent_in_days })}."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the buckets; null: the default key of S3 (SSE-S3). The log bucket always uses SSE-S3: load balancers support nothing else."
  type        = string
  default     = null
}

variable "replica" {
  description = "Copies of the buckets with replicate = true in the region of the provider aws.replica, and the key there (required with kms_key_arn); null: none."
  type        = object({ kms_key_arn = optional(string) })
  default     = null
}

variable "log_retention_days" {
  description = "Retention of access logs in the log bucket, in days."
  type        = number
  default     = 90

  validation {
    condition     = var.log_retention_days >= 1
    error_message = "log_retention_days must be at least 1, got ${var.log_retention_days}."
  }
}

variable "force_destroy" {
  description = "Let terraform destroy empty the buckets. Only for disposable environments."
  type        = bool
  default     = false
}

variable "permissions_boundary" {
  description = "Permissions boundary (policy ARN) of the roles; null: none."
  type        = string
  default     = null
}
