# What cannot be true together, said before anything is made.

resource "terraform_data" "checks" {
  # Stored in the state: the settings of the last apply.
  input = { topology = var.topology, region = var.region, service = var.service, image = var.image, tags = local.tags, off_hours = var.off_hours }

  lifecycle {
    precondition {
      condition     = local.single == 0 || local.size.hosts == 1
      error_message = "topology \"single\" is one host, but size.hosts is ${local.size.hosts}: several hosts need a load balancer in front, so choose topology \"fleet\"."
    }

    precondition {
      condition     = local.single + local.fleet == 0 || var.domain != null
      error_message = "topology \"${var.topology}\" runs hosts whose edge answers, with a certificate, for a name: give domain, for instance { zone = \"example.com\", name = \"${local.environment}\" }."
    }

    precondition {
      condition = (
        local.single + local.fleet == 0 || var.access.mode == "ssh" || startswith(local.size.os, "ubuntu") ||
        length(var.access.public_keys) > 0 || local.single == 1 && var.access.key_name != null
      )
      error_message = "Nobody could log in: ${local.size.os} lets in no key by EC2 Instance Connect. Give access.public_keys, for instance the line of ~/.ssh/id_ed25519.pub."
    }

    precondition {
      condition     = local.fleet == 0 || var.access.mode == "session_manager"
      error_message = "The hosts of topology \"fleet\" have no public address, so access.mode \"${var.access.mode}\" cannot reach them: leave it at session_manager."
    }

    precondition {
      condition     = var.api == null || local.balanced == 0 || var.domain != null
      error_message = "An API gateway in front of topology \"${var.topology}\" asks the load balancer by the name in its certificate: give domain."
    }

    precondition {
      condition     = local.balanced == 0 || var.certificate_arn != null || var.domain != null
      error_message = "topology \"${var.topology}\" has a load balancer, which needs a certificate: give domain (one is issued for it) or certificate_arn."
    }

    precondition {
      condition     = local.environment != "prod" || local.on.protected
      error_message = "prod without deletion protection (features.protected = false) could be destroyed by one command: leave it on, or see docs/runbooks/destroy-an-environment.md."
    }

    precondition {
      condition     = local.environment != "prod" || !local.on.off_hours
      error_message = "prod does not sleep: features.off_hours is for dev and staging."
    }

    precondition {
      condition     = local.ecs + local.serverless == 0 || var.image != null
      error_message = "topology \"${var.topology}\" starts with an image: push one first (make build) and give its digest as image."
    }

    precondition {
      condition     = local.balanced == 0 || local.egress != "none"
      error_message = "topology \"${var.topology}\" runs in private subnets, which must reach the registry: network.egress cannot be \"none\"."
    }

    precondition {
      condition     = var.api == null || local.single == 0
      error_message = "An API gateway needs a load balancer or a function behind it, topology \"single\" has neither: leave api out."
    }

    precondition {
      condition     = !local.on.replicate || var.replica_region != null
      error_message = "features.replicate copies to a second region: give replica_region."
    }

    precondition {
      condition     = coalesce(var.replica_region, "none") != var.region
      error_message = "replica_region is ${var.region}, the region itself: a copy there would be lost with it."
    }

    precondition {
      condition     = var.adopt.zone_id == null || try(var.domain.create_zone, false)
      error_message = "adopt.zone_id brings a zone under Terraform, which needs domain.create_zone = true."
    }
  }
}
