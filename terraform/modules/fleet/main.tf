locals {
  debian_arch = { arm64 = "arm64", x86_64 = "amd64" }[var.instance.architecture]
  ami_parameter = {
    "ubuntu-24.04" = "/aws/service/canonical/ubuntu/server/24.04/stable/current/${local.debian_arch}/hvm/ebs-gp3/ami-id"
    "debian-12"    = "/aws/service/debian/release/12/latest/${local.debian_arch}"
    "debian-13"    = "/aws/service/debian/release/13/latest/${local.debian_arch}"
  }[var.instance.os]

  tags = merge(var.tags, { Name = var.name })
}

data "aws_partition" "current" {}
data "aws_region" "current" {}

data "aws_ssm_parameter" "ami" {
  count = var.instance.ami_id == null ? 1 : 0

  name = local.ami_parameter
}

resource "aws_launch_template" "this" {
  #checkov:skip=CKV_AWS_341:the hop limit is 1 unless the caller says 2, and cannot be more
  name                   = var.name
  image_id               = var.instance.ami_id != null ? var.instance.ami_id : data.aws_ssm_parameter.ami[0].insecure_value
  instance_type          = var.instance.types[0]
  vpc_security_group_ids = [aws_security_group.this.id]
  update_default_version = true
  ebs_optimized          = true

  user_data = base64encode(templatefile("${path.module}/user_data.yaml.tftpl", {
    # Ubuntu's image has the agent of Session Manager.
    install_agent = startswith(var.instance.os, "debian")
    public_keys   = var.public_keys
    debian_arch   = local.debian_arch
    dns_suffix    = data.aws_partition.current.dns_suffix
    region        = data.aws_region.current.id
    script        = base64encode(file("${path.module}/files/converge.py"))
    group         = var.name
    service       = var.service
    hooks         = { for k, h in local.hooks : k => h.name }
    bundle        = var.converge.key == null ? "" : "s3://${var.converge.bucket}/${var.converge.key}"
    wanted        = var.converge.wanted_parameter
    timeout       = var.converge.timeout_s
    # A little less than the hook waits, so that the host is the one who says that it is done.
    drain = var.drain_s - 10
  }))

  iam_instance_profile {
    name = var.instance_profile
  }

  # EC2 refuses it for a type that is not burstable, and the group may start any of its types.
  dynamic "credit_specification" {
    for_each = alltrue([for t in var.instance.types : can(regex("^t[0-9]", t))]) ? [var.instance.cpu_credits] : []

    content {
      cpu_credits = credit_specification.value
    }
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = var.instance.metadata_hop_limit
    instance_metadata_tags      = "enabled"
  }

  monitoring {
    enabled = true
  }

  block_device_mappings {
    device_name = var.instance.os == "ubuntu-24.04" ? "/dev/sda1" : "/dev/xvda"

    ebs {
      volume_type           = "gp3"
      volume_size           = var.instance.root_gb
      encrypted             = true
      kms_key_id            = var.kms_key_arn
      delete_on_termination = true
    }
  }

  dynamic "tag_specifications" {
    for_each = toset(["instance", "volume"])

    content {
      resource_type = tag_specifications.value
      tags          = local.tags
    }
  }
}

resource "aws_security_group" "this" {
  #checkov:skip=CKV2_AWS_5:attached to the hosts by the launch template
  name        = var.name
  description = "From the load balancer, HTTP and HTTPS out"
  vpc_id      = var.vpc_id

  tags = { Name = var.name }
}

resource "aws_vpc_security_group_ingress_rule" "load_balancer" {
  security_group_id            = aws_security_group.this.id
  description                  = "The load balancer"
  referenced_security_group_id = var.load_balancer.security_group_id
  ip_protocol                  = "tcp"
  from_port                    = var.load_balancer.port
  to_port                      = var.load_balancer.port
}

resource "aws_vpc_security_group_egress_rule" "out" {
  for_each = toset(["80", "443"])

  security_group_id = aws_security_group.this.id
  description       = "Packages, registry, AWS APIs"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = tonumber(each.key)
  to_port           = tonumber(each.key)
}
