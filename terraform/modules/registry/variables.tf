variable "name" {
  description = "Prefix of the names of roles, for instance slipway-dev."
  type        = string
  default     = "slipway"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,40}$", var.name))
    error_message = "name must be 2 to 41 lower-case letters, digits or hyphens and start with a letter, got \"${var.name}\"."
  }
}

variable "repositories" {
  description = "Repositories to create, for instance [\"inference\"]."
  type        = set(string)

  validation {
    condition     = length(var.repositories) > 0 && alltrue([for r in var.repositories : can(regex("^[a-z0-9]+([._/-][a-z0-9]+)*$", r))])
    error_message = "repositories must be lower-case ECR names, got ${jsonencode(var.repositories)}."
  }
}

variable "adopted" {
  description = "Imported repositories among them: never deleted while they contain images, and their images never expire. They keep their encryption."
  type        = set(string)
  default     = []

  validation {
    condition     = length(setsubtract(var.adopted, var.repositories)) == 0
    error_message = "adopted must be among repositories (${jsonencode(var.repositories)}), got ${jsonencode(var.adopted)}."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the images; null: the ECR key of the account."
  type        = string
  default     = null
}

variable "retention" {
  description = "Number of releases (tags v…) to retain, days until an untagged image expires, and number of deployed images to retain per environment."
  type = object({
    releases      = optional(number, 30)
    untagged_days = optional(number, 7)
    deployed      = optional(number, 20)
    environments  = optional(set(string), ["dev", "staging", "prod"])
  })
  default = {}

  validation {
    condition     = var.retention.releases >= 5
    error_message = "retention.releases must be at least 5, as many as a host keeps for rollback, got ${var.retention.releases}."
  }

  validation {
    condition     = var.retention.deployed >= 5
    error_message = "retention.deployed must be at least 5, as many as a host keeps for rollback, got ${var.retention.deployed}."
  }

  validation {
    condition     = var.retention.untagged_days >= 1
    error_message = "retention.untagged_days must be at least 1, got ${var.retention.untagged_days}."
  }
}

variable "replicate" {
  description = "Copy every pushed image to the region of the provider aws.replica. AWS selects repositories by the beginning of their names, and an account has one such setting in a region: one that exists is replaced."
  type        = bool
  default     = false
}

variable "replica_kms_key_arn" {
  description = "Key of the copies, of their region; null: ECR's own encryption (AES-256). ECR does not scan copies unless the scan settings of the account in that region include them."
  type        = string
  default     = null
}

variable "pull_through" {
  description = "Pull-through caches of upstream registries by prefix, for instance { docker-hub = { upstream = \"registry-1.docker.io\", credential_arn = … } }."
  type = map(object({
    upstream       = string
    credential_arn = optional(string)
  }))
  default = {}

  validation {
    condition     = alltrue([for p in values(var.pull_through) : !strcontains(p.upstream, "/")])
    error_message = "pull_through: upstream is a host name without scheme or path, got ${jsonencode([for p in values(var.pull_through) : p.upstream])}."
  }
}

variable "force_delete" {
  description = "Let terraform destroy delete repositories that contain images. Only for disposable environments."
  type        = bool
  default     = false
}

variable "permissions_boundary" {
  description = "Permissions boundary (policy ARN) of the roles; null: none."
  type        = string
  default     = null
}
