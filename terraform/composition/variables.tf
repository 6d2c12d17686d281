# What an environment is. Sizes and switches are in settings.tf.

variable "topology" {
  description = "Topology: single (one host), fleet (Auto Scaling), ecs (Fargate) or serverless (Lambda)."
  type        = string
  default     = "single"

  validation {
    condition     = contains(["single", "fleet", "ecs", "serverless"], var.topology)
    error_message = "topology must be single, fleet, ecs or serverless, got \"${var.topology}\"."
  }
}

variable "region" {
  description = "AWS region of all resources."
  type        = string
  default     = "eu-central-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must look like eu-central-1, got \"${var.region}\"."
  }
}

variable "replica_region" {
  description = "Second region for copies of models, images and backups; null or empty: none. To end the copies, apply features.replicate = false first, with this value still set."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", coalesce(var.replica_region, "eu-west-1")))
    error_message = "replica_region must look like eu-west-1, got \"${coalesce(var.replica_region, "null")}\"."
  }
}

variable "suffix" {
  description = "Suffix of every name, to tell a second infrastructure of the same environment apart, for instance \"-west\" (docs/runbooks/fail-over-a-region.md)."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^(-[a-z0-9]{1,8})?$", var.suffix))
    error_message = "suffix must be empty or a hyphen and up to eight lower-case letters or digits, got \"${var.suffix}\"."
  }
}

variable "service" {
  description = "The service that is deployed."
  type        = string
  default     = "inference"

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,14}[a-z0-9])?$", var.service))
    error_message = "service must be up to 16 lower-case letters, digits or hyphens, no hyphen at its end, got \"${var.service}\"."
  }
}

variable "repositories" {
  description = "Repositories of further services on the same hosts (their key repository in services.yml), beside the one of service."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for r in var.repositories : can(regex("^[a-z0-9]+([._/-][a-z0-9]+)*$", r))])
    error_message = "repositories must be lower-case ECR names, got ${jsonencode(var.repositories)}."
  }
}

variable "domain" {
  description = "DNS name of the service: <name>.<zone>. create_zone creates the Route 53 zone, otherwise it must exist. delegated: the parent zone delegates to it, which a certificate for a load balancer or API waits for. overwrite: take over the record of another infrastructure (failover). caa (null: only in a zone that is created here): a CAA record on the name of the service, with caa_email as the public address for reports of CAs. dns_challenge: a single host may prove by DNS that the name is its own (tls_challenge dns-01). null: the AWS name of the load balancer or API."
  type = object({
    zone        = string
    name        = optional(string, "api")
    create_zone = optional(bool, false)
    delegated   = optional(bool, false)
    overwrite   = optional(bool, false)
    caa         = optional(bool)
    caa_email   = optional(string)

    dns_challenge = optional(bool, false)
  })
  default = null

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", try(var.domain.zone, "example.com")))
    error_message = "domain.zone must be the name of a Route 53 zone such as dev.example.com, without scheme or trailing dot, got \"${try(var.domain.zone, "")}\"."
  }

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?$", try(var.domain.name, "api"))) && !endswith(try(var.domain.name, "api"), try(var.domain.zone, "example.com"))
    error_message = "domain.name is the part before the zone, such as api for api.${try(var.domain.zone, "example.com")}, got \"${try(var.domain.name, "")}\"."
  }
}

variable "certificate_arn" {
  description = "An existing ACM certificate; null: issue one for domain (if a load balancer or API needs it)."
  type        = string
  default     = null
}

variable "network" {
  description = "existing: a VPC and subnets that are there, of which nothing is changed (null: create them). cidr (null: that of the environment), zones (number, or names: azs), egress (null: as the topology requires), interface_endpoints of egress endpoints (null: those of the topology), ipv6 (a single host only), networks it must not overlap (peer_cidrs) besides those of the other environments, which it overrides by their names, and networks that may reach the service (web_cidrs). Let's Encrypt checks a name from anywhere: with other web_cidrs a host needs tls_challenge dns-01 (domain.dns_challenge) or a certificate of your own."
  type = object({
    cidr     = optional(string)
    az_count = optional(number)
    azs      = optional(list(string))
    egress   = optional(string)

    interface_endpoints = optional(set(string))

    peer_cidrs = optional(map(string), {})
    ipv6       = optional(bool, false)
    web_cidrs  = optional(list(string), ["0.0.0.0/0"])
    existing = optional(object({
      vpc_id              = string
      public_subnet_ids   = optional(list(string), [])
      private_subnet_ids  = optional(list(string), [])
      isolated_subnet_ids = optional(list(string), [])
    }))
  })
  default = {}
}

variable "access" {
  description = "Access to hosts: session_manager (no open port) or ssh from the given networks. public_keys (lines of *.pub files) are accepted from the first boot; key_name is an EC2 key pair."
  type = object({
    mode        = optional(string, "session_manager")
    ssh_cidrs   = optional(list(string), [])
    key_name    = optional(string)
    public_keys = optional(list(string), [])
  })
  default = {}
}

variable "image" {
  description = "Digest (sha256:…) of the first image for ECS or Lambda; deploys set later ones. Not needed for hosts."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^sha256:[0-9a-f]{64}$", coalesce(var.image, "sha256:${join("", [for _ in range(64) : "0"])}")))
    error_message = "image must be a digest (sha256: and 64 hexadecimal digits), got \"${coalesce(var.image, "-")}\"."
  }
}

variable "bundle" {
  description = "Key of the bundle of playbooks in the bucket `bundles`, by which new hosts of a fleet converge, for instance bundles/v1.4.2.tar.gz. A new key replaces the hosts one by one. null: none yet, the fleet has no host (size.min = 0)."
  type        = string
  default     = null

  validation {
    condition     = var.bundle == null || can(regex("^[A-Za-z0-9][A-Za-z0-9._/-]*\\.tar\\.gz$", var.bundle))
    error_message = "bundle must be the key of a .tar.gz object, such as bundles/v1.4.2.tar.gz, got \"${coalesce(var.bundle, "-")}\"."
  }
}

variable "secrets" {
  description = "Secrets of the service by key; see modules/secrets."
  type = map(object({
    description   = string
    value_version = optional(number)
    rotation      = optional(object({ lambda_arn = string, days = optional(number, 30) }))
  }))
  default = {}
}

variable "secret_values" {
  description = "Values for secrets whose value_version was raised. Ephemeral: set by TF_VAR_secret_values for one apply, never stored."
  type        = map(string)
  default     = {}
  ephemeral   = true
  sensitive   = true
}

variable "api" {
  description = "An API gateway in front of a fleet, ECS or Lambda: kind http or rest, routes, requests per second of all callers (throttle), CORS origins and tokens (http), usage plans and shape of requests (rest). account_logging_role: a REST API logs by one role of the account and region; false in all environments of it but one. null: none (serverless always has one)."
  type = object({
    kind         = optional(string, "http")
    cors_origins = optional(list(string), [])
    routes       = optional(set(string))
    throttle     = optional(object({ rate = number, burst = number }))
    jwt          = optional(object({ issuer = string, audiences = list(string) }))
    batch        = optional(object({ max_instances = optional(number), features = optional(number) }))

    account_logging_role = optional(bool, true)

    plans = optional(map(object({
      rate          = optional(number, 10)
      burst         = optional(number, 20)
      quota_per_day = optional(number, 10000)
      keys          = optional(set(string), [])
    })), {})
  })
  default = null
}
