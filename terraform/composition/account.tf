# The account: who is notified, what it may cost, who may do what in it, and what was there before.

variable "notify" {
  description = "E-mail addresses for notifications of alarms, budgets and anomalies."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for m in var.notify : can(regex("^[^@[:space:]]+@[^@[:space:]]+\\.[^@[:space:]]+$", m))])
    error_message = "notify must be e-mail addresses, got ${jsonencode(var.notify)}."
  }
}

variable "budget" {
  description = "Monthly budget in dollars; null: none. anomaly_usd notifies of unusual daily costs, by a monitor that is created here or by anomaly_monitor_arn (an account has one of its services; new accounts have it from the start). by_tag counts resources with the tag of this environment instead of the whole account: activate the tag Environment in billing first."
  type = object({
    monthly_usd         = number
    anomaly_usd         = optional(number)
    anomaly_monitor_arn = optional(string)
    by_tag              = optional(bool, false)
  })
  default = null
}

variable "ci" {
  description = "GitHub repository whose pipeline may push images and deploy, by OIDC. subjects: refs or environments of it (null: main and tags v*). create_provider: true in one environment of an account. state: bucket, key and KMS key of this environment's state, which the inventory reads."
  type = object({
    repository      = string
    subjects        = optional(list(string))
    create_provider = optional(bool, true)
    state           = optional(object({ bucket = string, key = string, kms_key_arn = optional(string) }))
  })
  default = null
}

variable "tags" {
  description = "Additional tags for all resources, for instance { Owner = \"ml-platform\" }."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setintersection(keys(var.tags), ["Project", "Environment", "Topology", "ManagedBy"])) == 0
    error_message = "tags must not set Project, Environment, Topology or ManagedBy, which the composition sets: got ${jsonencode(keys(var.tags))}."
  }
}

variable "permissions_boundary" {
  description = "Permissions boundary (policy ARN) of every role that is created; null: none."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary == null || can(regex("^arn:[a-z-]+:iam::([0-9]{12}|aws):policy/", var.permissions_boundary))
    error_message = "permissions_boundary must be the ARN of a policy, got \"${coalesce(var.permissions_boundary, "null")}\"."
  }
}

variable "adopt" {
  description = "Existing resources to import: ECR repositories by name, the id of a zone. Keep them listed: they are deleted only if empty, and their images never expire. See docs/runbooks/migrate-state.md."
  type = object({
    repositories = optional(set(string), [])
    zone_id      = optional(string)
  })
  default = {}
}

variable "guard" {
  description = "With features.protected: a resource that makes terraform destroy fail. False only in tests; removing it later is refused as well."
  type        = bool
  default     = true
}
