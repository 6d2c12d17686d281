variable "name" {
  description = "Name of the environment's key; its alias is alias/<name>."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,40}$", var.name))
    error_message = "name must be 2 to 41 lower-case letters, digits or hyphens and start with a letter, got \"${var.name}\"."
  }
}

variable "deletion_window_days" {
  description = "Waiting period before a deleted key and everything it encrypted is lost, in days (7 to 30)."
  type        = number
  default     = 30

  validation {
    condition     = var.deletion_window_days >= 7 && var.deletion_window_days <= 30
    error_message = "deletion_window_days must be 7 to 30, got ${var.deletion_window_days}."
  }
}

variable "services" {
  description = "Let the services of an environment use the key: CloudWatch Logs, alarms, budgets, backups, CloudTrail, Auto Scaling. False for a key that only roles and users of the account use, such as that of the Terraform state."
  type        = bool
  default     = true
}

variable "readers" {
  description = "Role ARNs that may decrypt with the key without a policy of their own. The account must have them."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for r in var.readers : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/", r))])
    error_message = "readers must be role ARNs, got ${jsonencode(var.readers)}."
  }
}
