variable "zone" {
  description = "The Route 53 zone: its name, and whether to create it (true) or use the existing one (false)."
  type = object({
    name          = string
    create        = optional(bool, false)
    force_destroy = optional(bool, false)
  })

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.zone.name))
    error_message = "zone.name must be a domain such as example.com without a trailing dot, got \"${var.zone.name}\"."
  }
}

variable "records" {
  description = <<-EOT
    Address records by a key of your choice. name is relative to the zone ("" is the zone itself). Give values or alias.
    weight (0 to 100) makes it one of a weighted set, whose weights sum to 100; health_check names a key of health_checks.
  EOT
  type = map(object({
    name         = optional(string, "")
    type         = optional(string, "A")
    values       = optional(list(string))
    ttl          = optional(number, 60)
    alias        = optional(object({ name = string, zone_id = string, evaluate_health = optional(bool, true) }))
    weight       = optional(number)
    failover     = optional(string)
    health_check = optional(string)
  }))
  default = {}

  validation {
    condition     = alltrue([for r in values(var.records) : contains(["A", "AAAA", "CNAME"], r.type)])
    error_message = "records: type must be A, AAAA or CNAME, got ${jsonencode({ for k, r in var.records : k => r.type })}."
  }

  validation {
    condition     = alltrue([for r in values(var.records) : (r.values == null) != (r.alias == null)])
    error_message = "records: give either values or alias, not both and not neither: ${join(", ", [for k, r in var.records : k if(r.values == null) == (r.alias == null)])}."
  }

  validation {
    condition = alltrue([
      for key in distinct([for r in values(var.records) : "${r.name}/${r.type}" if r.weight != null]) :
      sum([for r in values(var.records) : coalesce(r.weight, 0) if "${r.name}/${r.type}" == key]) == 100
    ])
    error_message = "records: the weights of one name must sum to 100, got ${jsonencode({ for k, r in var.records : k => r.weight if r.weight != null })}."
  }

  validation {
    condition = alltrue([
      for r in values(var.records) : contains(["PRIMARY", "SECONDARY"], r.failover) if r.failover != null
    ])
    error_message = "records: failover must be PRIMARY or SECONDARY, got ${jsonencode({ for k, r in var.records : k => r.failover if r.failover != null })}."
  }

  validation {
    condition     = alltrue([for r in values(var.records) : r.weight == null || r.failover == null])
    error_message = "records: a record is weighted or failover, not both: ${join(", ", [for k, r in var.records : k if r.weight != null && r.failover != null])}."
  }
}

variable "health_checks" {
  description = "External HTTPS health checks, by a key that records refer to."
  type = map(object({
    fqdn              = string
    path              = optional(string, "/health")
    failure_threshold = optional(number, 3)
    interval_s        = optional(number, 30)
  }))
  default = {}

  validation {
    condition     = alltrue([for h in values(var.health_checks) : contains([10, 30], h.interval_s)])
    error_message = "health_checks: interval_s must be 10 or 30, got ${jsonencode({ for k, h in var.health_checks : k => h.interval_s })}."
  }
}

variable "caa" {
  description = "Names, relative to the zone, that get a CAA record: only certificate_authorities may issue for them and for names below."
  type        = set(string)
  default     = []
}

variable "certificate_authorities" {
  description = "CAs that may issue certificates for the names in caa; Let's Encrypt for hosts, Amazon for ALB and API Gateway."
  type        = list(string)
  default     = ["letsencrypt.org", "amazon.com", "amazontrust.com", "awstrust.com", "amazonaws.com"]

  validation {
    condition     = length(var.certificate_authorities) > 0
    error_message = "certificate_authorities is empty: no CA could issue a certificate, got ${jsonencode(var.certificate_authorities)}."
  }
}

variable "incident_email" {
  description = "Address to which CAs report misissued certificates (CAA iodef), public in DNS; null: none."
  type        = string
  default     = null
}

variable "overwrite" {
  description = "Take over records of these names that exist already, such as those of an infrastructure in another region."
  type        = bool
  default     = false
}
