# What cannot be true together, said before anything is made.

# Its own error names a type that the region does not have.
data "aws_ec2_instance_type" "each" {
  for_each = toset(local.single + local.fleet == 1 ? local.size.instance_types : [])

  instance_type = each.value
}

data "aws_ec2_instance_type_offerings" "zones" {
  count = local.single + local.fleet

  location_type = "availability-zone"

  filter {
    name   = "instance-type"
    values = local.size.instance_types
  }
}

locals {
  # Zones that hosts start in. Those of an existing VPC are not looked up.
  host_zones      = local.single == 1 ? slice(sort(module.network.azs), 0, min(1, length(module.network.azs))) : module.network.azs
  zones_with_type = flatten(data.aws_ec2_instance_type_offerings.zones[*].locations)
  lacking_zones   = length(local.zones_with_type) == 0 ? [] : setsubtract(local.host_zones, local.zones_with_type)
}

resource "terraform_data" "checks" {
  # Stored in the state: the settings of the last apply.
  input = {
    topology             = var.topology
    region               = var.region
    service              = var.service
    repositories         = var.repositories
    image                = var.image
    tags                 = local.tags
    off_hours            = var.off_hours
    notify               = var.notify
    permissions_boundary = var.permissions_boundary
    environment          = var.environment
    database             = var.database
    task                 = var.task
    ami_id               = var.ami_id
  }

  lifecycle {
    precondition {
      condition     = length(local.missing_subnets) == 0
      error_message = "topology \"${var.topology}\" in an existing VPC needs ${join(" and ", local.missing_subnets)}: add them to network.existing."
    }

    precondition {
      condition     = local.single + local.fleet == 0 || length(local.misfits) == 0
      error_message = "size.instance_types has ${join(" and ", local.misfits)}, which cannot run size.architecture = \"${local.size.architecture}\": change one of them, or set both (t3 and m7i are x86_64, t4g and m7g are arm64)."
    }

    precondition {
      condition     = length(local.lacking_zones) == 0
      error_message = "No instance type of size.instance_types (${join(", ", local.size.instance_types)}) is available in ${join(", ", local.lacking_zones)}. ${var.region} has them in ${join(", ", sort(distinct(local.zones_with_type)))}: choose zones with network.azs, or other types."
    }

    precondition {
      condition     = local.single + local.fleet == 0 || var.domain != null
      error_message = "topology \"${var.topology}\" needs a DNS name for its TLS certificate. Set domain, for instance { zone = \"example.com\", name = \"${local.environment}\" }."
    }

    precondition {
      condition = (
        local.single + local.fleet == 0 || var.access.mode == "ssh" || startswith(local.size.os, "ubuntu") ||
        length(var.access.public_keys) > 0 || local.single == 1 && var.access.key_name != null
      )
      error_message = "No SSH key could log in: ${local.size.os} has no EC2 Instance Connect. Set access.public_keys, for instance to the line of ~/.ssh/id_ed25519.pub."
    }

    precondition {
      condition     = local.fleet == 0 || var.access.mode == "session_manager"
      error_message = "The hosts of topology \"fleet\" have no public address, so access.mode \"${var.access.mode}\" cannot reach them: leave it at session_manager."
    }

    precondition {
      condition     = local.fleet == 0 || local.size.min == 0 || var.bundle != null
      error_message = "A fleet of size.min = ${local.size.min} needs bundle, the playbooks by which a new host converges: without it Auto Scaling launches and terminates hosts without end. Apply with size = { min = 0 } first, upload the bundle to the bucket `bundles`, then set bundle to its key."
    }

    precondition {
      condition     = local.fleet == 0 || local.egress != "endpoints"
      error_message = "The hosts of topology \"fleet\" install packages at their first boot, which network.egress \"endpoints\" (AWS services only) does not let through: choose single_nat or nat_per_az."
    }

    precondition {
      condition     = var.api == null || local.balanced == 0 || var.domain != null
      error_message = "An API gateway reaches the load balancer by the name in its certificate. Set domain."
    }

    precondition {
      condition     = local.balanced == 0 || var.certificate_arn != null || var.domain != null
      error_message = "topology \"${var.topology}\" has a load balancer, which needs a certificate: set domain (one is issued for it) or certificate_arn."
    }

    precondition {
      condition     = !local.defaults.must_be_protected || local.on.protected
      error_message = "${local.environment} without deletion protection (features.protected = false) could be destroyed by one command: leave it on, or see docs/runbooks/destroy-an-environment.md."
    }

    precondition {
      condition     = !local.defaults.must_be_protected || length(var.notify) > 0
      error_message = "The alarms of ${local.environment} would reach no one: give notify, for instance [\"oncall@example.com\"]."
    }

    precondition {
      condition     = local.defaults.may_sleep || !local.on.off_hours
      error_message = "features.off_hours is not allowed in ${local.environment}: may_sleep is false in its environment.tf."
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
      condition     = !try(var.domain.create_zone && !var.domain.delegated && var.adopt.zone_id == null, false) || local.single == 1 || var.certificate_arn != null
      error_message = "The certificate of topology \"${var.topology}\" is validated in the zone ${try(var.domain.zone, "")}, which must be delegated first: terraform apply -target='module.dns[0].aws_route53_zone.this', delegate to terraform output name_servers, then set domain.delegated = true."
    }

    precondition {
      condition     = !var.network.ipv6 || local.single == 1
      error_message = "network.ipv6 is for topology \"single\": load balancers, tasks and functions here have IPv4 addresses only."
    }

    precondition {
      condition     = !try(var.domain.dns_challenge, false) || local.single == 1
      error_message = "domain.dns_challenge is for topology \"single\": in \"${var.topology}\" the load balancer or the API has the certificate."
    }

    precondition {
      condition     = var.api == null || local.single == 0
      error_message = "An API gateway needs a load balancer or a function behind it. Topology \"single\" has neither: remove api."
    }

    precondition {
      condition     = !local.on.replicate || try(length(var.replica_region) > 0, false)
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
