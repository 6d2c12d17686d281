variable "domain" {
  description = "The name to certify."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain))
    error_message = "domain must be a name such as api.example.com without a trailing dot, got \"${var.domain}\"."
  }
}

variable "zone_id" {
  description = "Route 53 zone that the validation record goes into."
  type        = string
}
