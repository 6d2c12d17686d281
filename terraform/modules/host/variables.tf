variable "name" {
  description = "Name of the host, for instance slipway-dev-1."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,40}$", var.name))
    error_message = "name must be 2 to 41 lower-case letters, digits or hyphens and start with a letter, got \"${var.name}\"."
  }
}

variable "vpc_id" {
  description = "VPC of the host."
  type        = string
}

variable "subnet_id" {
  description = "Public subnet of the host."
  type        = string
}

variable "instance" {
  description = "Instance type, architecture, operating system, root volume in GB. ami_id overrides the operating system."
  type = object({
    type         = optional(string, "t3.small")
    architecture = optional(string, "x86_64")
    os           = optional(string, "debian-13")
    ami_id       = optional(string)
    root_gb      = optional(number, 16)
    ipv6         = optional(bool, false)
    # Containers sit one hop behind the host: 1 keeps the instance's credentials away from them.
    metadata_hop_limit = optional(number, 1)
    detailed_metrics   = optional(bool, true)
    # Of burstable types (t3, t4g): standard slows a busy host down, unlimited bills its CPU.
    cpu_credits = optional(string, "unlimited")
  })
  default = {}

  validation {
    condition     = contains(["arm64", "x86_64"], var.instance.architecture)
    error_message = "instance.architecture must be arm64 or x86_64, got \"${var.instance.architecture}\"."
  }

  validation {
    condition     = contains(["ubuntu-24.04", "debian-12", "debian-13"], var.instance.os)
    error_message = "instance.os must be ubuntu-24.04, debian-12 or debian-13, got \"${var.instance.os}\"."
  }

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*[0-9][a-z0-9-]*\\.[a-z0-9]+$", var.instance.type))
    error_message = "instance.type must look like t3.small, got \"${var.instance.type}\"."
  }

  validation {
    # The letter g after the generation (t4g, m7gd) is what Graviton families have in common.
    condition = (
      can(regex("^[a-z]+[0-9]+g[a-z]*\\.", var.instance.type)) == (var.instance.architecture == "arm64")
    )
    error_message = "instance.type ${var.instance.type} does not run ${var.instance.architecture}."
  }

  validation {
    condition     = var.instance.root_gb >= 8 && var.instance.root_gb <= 1024
    error_message = "instance.root_gb must be 8 to 1024, got ${var.instance.root_gb}."
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

variable "access" {
  description = "Access to the host: session_manager (no open port) or ssh from the given networks."
  type = object({
    mode      = optional(string, "session_manager")
    ssh_cidrs = optional(list(string), [])
    # An EC2 key pair; public_keys (OpenSSH's one-line form) need none: cloud-init puts them there at the first boot.
    key_name    = optional(string)
    public_keys = optional(list(string), [])
  })
  default = {}

  validation {
    condition     = contains(["session_manager", "ssh"], var.access.mode)
    error_message = "access.mode must be session_manager or ssh, got \"${var.access.mode}\"."
  }

  validation {
    condition     = alltrue([for c in var.access.ssh_cidrs : can(cidrhost(c, 0)) && try(tonumber(split("/", c)[1]) >= 8, false)])
    error_message = "access.ssh_cidrs must be networks no wider than /8, never the whole world, got ${jsonencode(var.access.ssh_cidrs)}."
  }

  validation {
    condition     = var.access.mode == "session_manager" || length(var.access.ssh_cidrs) > 0
    error_message = "access.mode is ssh but access.ssh_cidrs is empty: no operator could log in."
  }

  validation {
    condition     = alltrue([for k in var.access.public_keys : can(regex("^(ssh-(ed25519|rsa)|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\\.com) [A-Za-z0-9+/]{60,}={0,2}( [^\n\r]*)?$", k))])
    error_message = "access.public_keys must be public keys as ssh-keygen writes them (a line of a file *.pub), got ${jsonencode(var.access.public_keys)}."
  }
}

variable "web_cidrs" {
  description = "IPv4 networks that may reach ports 80 and 443."
  type        = list(string)
  default     = ["0.0.0.0/0"]

  validation {
    condition     = length(var.web_cidrs) > 0 && alltrue([for c in var.web_cidrs : can(cidrhost(c, 0))])
    error_message = "web_cidrs must be IPv4 networks, got ${jsonencode(var.web_cidrs)}."
  }
}

variable "instance_profile" {
  description = "Name of the instance profile."
  type        = string
}

variable "kms_key_arn" {
  description = "Key of the root volume; null: the EBS key of the account."
  type        = string
  default     = null
}

variable "protected" {
  description = "Refuse termination through the API."
  type        = bool
  default     = true
}

variable "alarm_actions" {
  description = "SNS topics for notifications of a recovery or reboot of the host."
  type        = list(string)
  default     = []
}

variable "tags" {
  description = "Tags of the instance only, which the inventory reads."
  type        = map(string)
  default     = {}
}
