variable "domain" {
  description = "DNS name of the certificate."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain))
    error_message = "domain must be a name such as api.example.com without a trailing dot, got \"${var.domain}\"."
  }
}

variable "zone_id" {
  description = "Route 53 zone for the validation record."
  type        = string
}
