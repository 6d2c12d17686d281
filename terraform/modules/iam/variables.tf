variable "name" {
  description = "Prefix of all resource names, for instance slipway-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,40}$", var.name))
    error_message = "name must be 2 to 41 lower-case letters, digits or hyphens and start with a letter, got \"${var.name}\"."
  }
}

variable "grants" {
  description = <<-EOT
    What a running service may touch, whatever runs it. All are ARNs (or ARN patterns); empty lists grant nothing.
    kms_alias limits decryption to the key behind that alias.
  EOT
  type = object({
    repositories     = optional(list(string), [])
    secrets          = optional(list(string), [])
    parameters       = optional(list(string), [])
    read_objects     = optional(list(string), [])
    log_groups       = optional(list(string), [])
    metric_namespace = optional(string, "Slipway")
    kms_alias        = optional(string)
  })
  default = {}

  validation {
    condition = alltrue([
      for arn in concat(var.grants.repositories, var.grants.secrets, var.grants.parameters, var.grants.read_objects, var.grants.log_groups) :
      startswith(arn, "arn:") && length(split(":", arn)) >= 6 && !contains(["*", ""], element(split(":", arn), 5))
    ])
    error_message = "grants: every entry must be an ARN that names something, got ${jsonencode(var.grants)}."
  }
}

variable "host" {
  description = "Role of EC2 hosts: Session Manager, topics for notifications of rollouts, objects that hold their backups (ARN patterns), the groups whose lifecycle actions a host ends, and the Route 53 zone and names for which it may prove by DNS that they are its own (ACME's dns-01)."
  type = object({
    enabled         = optional(bool, true)
    session_manager = optional(bool, true)
    topics          = optional(list(string), [])
    backups         = optional(list(string), [])
    groups          = optional(list(string), [])
    dns_challenge   = optional(object({ zone_id = string, names = list(string) }))
  })
  default = {}

  validation {
    condition     = alltrue([for n in try(var.host.dns_challenge.names, ["example.com"]) : can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", n))]) && length(try(var.host.dns_challenge.names, ["example.com"])) > 0
    error_message = "host.dns_challenge.names must be full lower-case DNS names without a wildcard, got ${jsonencode(try(var.host.dns_challenge.names, []))}."
  }
}

variable "ecs" {
  description = "Execution and task roles for ECS; exec allows a shell in a task."
  type = object({
    enabled = optional(bool, false)
    exec    = optional(bool, false)
  })
  default = {}
}

variable "function" {
  description = "Role of the Lambda function; vpc allows network interfaces there, for a database or a cache."
  type        = object({ enabled = optional(bool, false), vpc = optional(bool, false) })
  default     = {}
}

variable "ci" {
  description = <<-EOT
    Role that GitHub Actions takes by OIDC: no key is stored anywhere. repository is org/name; subjects are what of it may
    take the role (ref:refs/tags/v*, environment:prod). create_provider: one per account, so only one environment makes it.
    hosts: deploys to hosts with the tag Environment = name, by SSH through Session Manager. key_user: the user of hosts
    without EC2 Instance Connect, as whom a job's key may log in for two hours; null if they have it. state: the Terraform state that
    the inventory reads (kms_key_arn: its key); null if the pipeline gets the outputs as a file.
  EOT
  type = object({
    repository      = string
    subjects        = optional(list(string), ["ref:refs/heads/main", "ref:refs/tags/v*"])
    create_provider = optional(bool, true)
    hosts           = optional(bool, false)
    key_user        = optional(string)
    state           = optional(object({ bucket = string, key = string, kms_key_arn = optional(string) }))
    wanted          = optional(list(string), [])
    bundle_objects  = optional(list(string), [])
    ecs_services    = optional(list(string), [])
    functions       = optional(list(string), [])
  })
  default = null

  validation {
    condition     = var.ci == null || can(regex("^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", try(var.ci.repository, "")))
    error_message = "ci.repository must be organisation/name, got \"${try(var.ci.repository, "")}\"."
  }

  validation {
    condition     = var.ci == null || try(length(var.ci.subjects) > 0 && !anytrue([for s in var.ci.subjects : startswith(s, "*")]), false)
    error_message = "ci.subjects must name refs or environments, never everything, got ${jsonencode(try(var.ci.subjects, []))}."
  }
}

variable "permissions_boundary" {
  description = "Permissions boundary (policy ARN) of every role; null: none."
  type        = string
  default     = null
}
