# What an environment is. Sizes and switches are in settings.tf.

variable "topology" {
  description = "What runs the service: single (one host), fleet (Auto Scaling), ecs (Fargate) or serverless (Lambda)."
  type        = string
  default     = "single"

  validation {
    condition     = contains(["single", "fleet", "ecs", "serverless"], var.topology)
    error_message = "topology must be single, fleet, ecs or serverless, got \"${var.topology}\"."
  }
}

variable "region" {
  description = "Region of everything."
  type        = string
  default     = "eu-central-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must look like eu-central-1, got \"${var.region}\"."
  }
}

variable "replica_region" {
  description = "Second region for copies of models, images and backups; null for none."
  type        = string
  default     = null
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

variable "domain" {
  description = "Where the service answers: <name>.<zone>. create_zone makes the Route 53 zone, else it must exist. caa (null: only in a zone that is made here): a CAA record on the service's own name, with caa_email as the address that authorities report to, published in DNS. null: under AWS's own name, where a load balancer or an API has one."
  type = object({
    zone        = string
    name        = optional(string, "api")
    create_zone = optional(bool, false)
    caa         = optional(bool)
    caa_email   = optional(string)
  })
  default = null
}

variable "certificate_arn" {
  description = "An ACM certificate that exists already; null has one issued for domain (where a load balancer or API needs it)."
  type        = string
  default     = null
}

variable "network" {
  description = "cidr (null: the environment's own), zones (how many, or which: azs), egress (null: what the topology needs), networks it must not overlap besides the other environments'."
  type = object({
    cidr       = optional(string)
    az_count   = optional(number)
    azs        = optional(list(string))
    egress     = optional(string)
    peer_cidrs = optional(map(string), {})
    ipv6       = optional(bool, false)
  })
  default = {}
}

variable "access" {
  description = "How people and Ansible reach hosts: session_manager (no open port) or ssh from named networks. public_keys (lines of *.pub files) are let in from a host's first boot; key_name is an EC2 key pair."
  type = object({
    mode        = optional(string, "session_manager")
    ssh_cidrs   = optional(list(string), [])
    key_name    = optional(string)
    public_keys = optional(list(string), [])
  })
  default = {}
}

variable "image" {
  description = "Digest (sha256:…) of the first image that ECS or Lambda runs; later ones come by deploys. Hosts need none."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^sha256:[0-9a-f]{64}$", coalesce(var.image, "sha256:${join("", [for _ in range(64) : "0"])}")))
    error_message = "image must be a digest (sha256: and 64 hexadecimal digits), got \"${coalesce(var.image, "-")}\"."
  }
}

variable "weights" {
  description = "Share of requests of the load balancer's target groups, in percent."
  type        = object({ blue = number, green = number })
  default     = { blue = 100, green = 0 }
}

variable "stickiness_s" {
  description = "Seconds that a client stays with the target group it first met, for A/B tests; 0 for none."
  type        = number
  default     = 0
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
  description = "Values for secrets whose value_version was raised. Ephemeral: given by TF_VAR_secret_values for one apply, stored nowhere."
  type        = map(string)
  default     = {}
  ephemeral   = true
  sensitive   = true
}

variable "notify" {
  description = "E-mail addresses told by alarms, budgets and anomalies."
  type        = set(string)
  default     = []
}

variable "budget" {
  description = "Monthly budget in dollars; null for none. anomaly_usd adds a monitor of unusual days. by_tag counts what carries this environment's tag instead of the whole account: activate the tag Environment in billing first."
  type        = object({ monthly_usd = number, anomaly_usd = optional(number), by_tag = optional(bool, false) })
  default     = null
}

variable "ci" {
  description = "GitHub repository whose pipeline may push images and set the wanted release, by OIDC. create_provider: one environment of an account makes it."
  type        = object({ repository = string, create_provider = optional(bool, true) })
  default     = null
}

variable "api" {
  description = "An API gateway in front of a fleet, ECS or Lambda: kind http or rest, usage plans, CORS origins. null: none (serverless always has one)."
  type = object({
    kind         = optional(string, "http")
    cors_origins = optional(list(string), [])
    plans = optional(map(object({
      rate          = optional(number, 10)
      burst         = optional(number, 20)
      quota_per_day = optional(number, 10000)
      keys          = optional(set(string), [])
    })), {})
  })
  default = null
}

variable "tags" {
  description = "More tags for everything, for instance { Owner = \"ml-platform\" }."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setintersection(keys(var.tags), ["Project", "Environment", "Topology", "ManagedBy"])) == 0
    error_message = "tags must not set Project, Environment, Topology or ManagedBy, which the composition sets: got ${jsonencode(keys(var.tags))}."
  }
}

variable "adopt" {
  description = "Things that exist already and come under Terraform instead of being made: ECR repositories by name, the id of a zone. Leave them here: they are deleted only when empty, and no image of theirs expires. See docs/runbooks/migrate-state.md."
  type = object({
    repositories = optional(set(string), [])
    zone_id      = optional(string)
  })
  default = {}
}

variable "guard" {
  description = "Where features.protected is on: put a resource in the state that terraform destroy refuses. Only tests leave it out; taking it out later is refused as well."
  type        = bool
  default     = true
}
