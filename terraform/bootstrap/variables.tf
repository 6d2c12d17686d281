variable "name" {
  description = "Prefix of the state bucket's name; the account number follows."
  type        = string
  default     = "slipway"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}$", var.name))
    error_message = "name must be 2 to 31 lower-case letters, digits or hyphens and start with a letter, got \"${var.name}\"."
  }
}

variable "region" {
  description = "Region of the state."
  type        = string
  default     = "eu-central-1"
}

variable "keep_days" {
  description = "Retention of old state versions, in days."
  type        = number
  default     = 365

  validation {
    condition     = var.keep_days >= 30
    error_message = "keep_days must be at least 30, a month to notice a bad apply in, got ${var.keep_days}."
  }
}

variable "lock_table" {
  description = "Also create a DynamoDB lock table, for tools without S3 lock files (Terraform before 1.10)."
  type        = bool
  default     = false
}

variable "readers" {
  description = "Role ARNs that may read and decrypt the state without a policy of their own, for instance of a pipeline that plans. They cannot write, so they cannot lock it either: they plan with -lock=false. The roles must exist. Empty: only IAM policies apply."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for r in var.readers : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/", r))])
    error_message = "readers must be role ARNs, got ${jsonencode(var.readers)}."
  }
}
