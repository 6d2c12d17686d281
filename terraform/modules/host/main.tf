data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  debian_arch = { arm64 = "arm64", x86_64 = "amd64" }[var.instance.architecture]

  # The vendors' own public parameters: always their latest image.
  ami_parameter = {
    "ubuntu-24.04" = "/aws/service/canonical/ubuntu/server/24.04/stable/current/${local.debian_arch}/hvm/ebs-gp3/ami-id"
    "debian-12"    = "/aws/service/debian/release/12/latest/${local.debian_arch}"
    "debian-13"    = "/aws/service/debian/release/13/latest/${local.debian_arch}"
  }[var.instance.os]
}

data "aws_ssm_parameter" "ami" {
  count = var.instance.ami_id == null ? 1 : 0

  name = local.ami_parameter
}

resource "aws_instance" "this" {
  #checkov:skip=CKV_AWS_126:detailed monitoring is on unless the caller turns it off (it costs more than a small host's disk)
  #checkov:skip=CKV_AWS_88:the single host is the public endpoint; its address is an EIP, not given by the subnet
  ami                    = var.instance.ami_id != null ? var.instance.ami_id : data.aws_ssm_parameter.ami[0].insecure_value
  instance_type          = var.instance.type
  subnet_id              = var.subnet_id
  vpc_security_group_ids = [aws_security_group.this.id]
  iam_instance_profile   = var.instance_profile
  key_name               = var.access.key_name
  ipv6_address_count     = var.instance.ipv6 ? 1 : 0
  # Until the elastic IP is attached: the first boot downloads packages.
  associate_public_ip_address = true
  monitoring                  = var.instance.detailed_metrics
  ebs_optimized               = true
  disable_api_termination     = var.protected
  user_data = templatefile("${path.module}/user_data.yaml.tftpl", {
    # Ubuntu's image has the agent of Session Manager.
    install_agent = var.access.mode == "session_manager" && startswith(var.instance.os, "debian")
    public_keys   = var.access.public_keys
    debian_arch   = local.debian_arch
    dns_suffix    = data.aws_partition.current.dns_suffix
    region        = data.aws_region.current.id
  })

  dynamic "credit_specification" {
    for_each = can(regex("^t[0-9]", var.instance.type)) ? [var.instance.cpu_credits] : []

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

  root_block_device {
    volume_type           = "gp3"
    volume_size           = var.instance.root_gb
    encrypted             = true
    kms_key_id            = var.kms_key_arn
    delete_on_termination = true
    # An instance's tags do not reach its volumes. Backups and snapshots select the instance.
    tags = { Name = var.name }
  }

  tags = merge(var.tags, { Name = var.name })

  # The first boot downloads packages: the host must be let out before it starts.
  depends_on = [aws_vpc_security_group_egress_rule.out, aws_vpc_security_group_egress_rule.out_ipv6]

  lifecycle {
    # A new image or a new user data must never replace a host that serves: replacing is a decision
    # (terraform apply -replace=…), a patch is Ansible's business.
    ignore_changes = [ami, user_data, associate_public_ip_address]
  }
}

resource "aws_eip" "this" {
  domain = "vpc"

  tags = { Name = var.name }
}

resource "aws_eip_association" "this" {
  instance_id   = aws_instance.this.id
  allocation_id = aws_eip.this.id
}
