provider "aws" {
  # Plans without an account: nothing is called, so the credentials need not be real.
  region                      = "eu-central-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

override_data {
  target = data.aws_ssm_parameter.ami
  values = { insecure_value = "ami-0123456789abcdef0" }
}

variables {
  name             = "slipway-dev-1"
  vpc_id           = "vpc-0123456789abcdef0"
  subnet_id        = "subnet-0123456789abcdef0"
  instance_profile = "slipway-dev-host"
  alarm_actions    = ["arn:aws:sns:eu-central-1:123456789012:slipway-dev-alarms"]
}

run "credentials_of_the_instance_stay_with_the_instance" {
  command = plan

  assert {
    condition     = aws_instance.this.metadata_options[0].http_tokens == "required"
    error_message = "IMDSv2 must be required."
  }

  assert {
    condition     = aws_instance.this.metadata_options[0].http_put_response_hop_limit == 1
    error_message = "A hop limit of 1 keeps containers away from the instance's credentials."
  }
}

run "the_disk_is_encrypted_and_the_host_watched" {
  command = plan

  assert {
    condition     = aws_instance.this.root_block_device[0].encrypted && aws_instance.this.root_block_device[0].volume_type == "gp3"
    error_message = "The root volume must be encrypted gp3."
  }

  assert {
    condition     = aws_instance.this.monitoring && aws_instance.this.disable_api_termination
    error_message = "Detailed monitoring and termination protection are the default."
  }
}

run "only_the_web_is_open_to_the_world" {
  command = plan

  variables {
    access = { mode = "ssh", ssh_cidrs = ["198.51.100.0/24"], key_name = "ops" }
  }

  assert {
    condition = alltrue([
      for r in aws_vpc_security_group_ingress_rule.web : contains([80, 443], r.from_port) && r.from_port == r.to_port
    ])
    error_message = "Only ports 80 and 443 may be open to the web."
  }

  assert {
    condition     = [for r in aws_vpc_security_group_ingress_rule.ssh : "${r.cidr_ipv4} ${r.from_port}"] == ["198.51.100.0/24 22"]
    error_message = "SSH must be open to the named network only."
  }
}

run "session_manager_opens_no_ssh_port" {
  command = plan

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.ssh) == 0
    error_message = "With Session Manager nothing listens on port 22 for anybody."
  }
}

run "ipv6_opens_the_web_alone" {
  command = plan

  variables {
    instance = { ipv6 = true }
  }

  assert {
    condition     = toset([for r in aws_vpc_security_group_ingress_rule.web_ipv6 : r.from_port]) == toset([80, 443])
    error_message = "Over IPv6 too, only 80 and 443."
  }
}

run "a_failing_host_recovers_and_people_hear_of_it" {
  command = plan

  assert {
    condition = alltrue([
      for k, a in aws_cloudwatch_metric_alarm.status :
      contains(a.alarm_actions, "arn:aws:automate:eu-central-1:ec2:${k}") && length(a.alarm_actions) == 2
    ])
    error_message = "Each status alarm must act on the host and tell the topic."
  }
}

run "the_default_runs_what_is_built_here" {
  command = plan

  assert {
    condition     = data.aws_ssm_parameter.ami[0].name == "/aws/service/debian/release/13/latest/amd64" && startswith(aws_instance.this.instance_type, "t3.")
    error_message = "Images are built for x86_64, and hosts are tried on Debian, got ${data.aws_ssm_parameter.ami[0].name}."
  }
}

run "the_image_follows_the_operating_system" {
  command = plan

  variables {
    instance = { os = "ubuntu-24.04", type = "t4g.small", architecture = "arm64" }
  }

  assert {
    condition     = data.aws_ssm_parameter.ami[0].name == "/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id"
    error_message = "Ubuntu on ARM has its own parameter, got ${data.aws_ssm_parameter.ami[0].name}."
  }

  assert {
    condition     = yamldecode(aws_instance.this.user_data).packages == ["python3"] && !can(yamldecode(aws_instance.this.user_data).runcmd)
    error_message = "Ubuntu needs Python and nothing more, got: ${aws_instance.this.user_data}"
  }
}

run "debian_gets_the_agent_by_a_program_that_is_there" {
  command = plan

  assert {
    condition     = contains(yamldecode(aws_instance.this.user_data).packages, yamldecode(aws_instance.this.user_data).runcmd[0][0])
    error_message = "What downloads the agent is installed before, got: ${aws_instance.this.user_data}"
  }

  assert {
    condition     = strcontains(aws_instance.this.user_data, "https://s3.eu-central-1.amazonaws.com/amazon-ssm-eu-central-1/latest/debian_amd64/amazon-ssm-agent.deb")
    error_message = "The agent is the one for this region and architecture, got: ${aws_instance.this.user_data}"
  }
}

run "with_open_ssh_no_agent_is_installed" {
  command = plan

  variables {
    access = { mode = "ssh", ssh_cidrs = ["198.51.100.0/24"], public_keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA ops@example.com"] }
  }

  assert {
    condition     = !can(yamldecode(aws_instance.this.user_data).runcmd)
    error_message = "Nobody comes through Session Manager, got: ${aws_instance.this.user_data}"
  }
}

run "keys_are_let_in_from_the_first_boot" {
  command = plan

  variables {
    access = { public_keys = [
      "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA \"Ops: #1\"",
      "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABHNzaDo=",
    ] }
  }

  assert {
    condition     = tolist(yamldecode(aws_instance.this.user_data).ssh_authorized_keys) == var.access.public_keys
    error_message = "cloud-init lets in exactly these keys, got: ${aws_instance.this.user_data}"
  }
}

run "the_first_boot_reaches_the_internet" {
  command = plan

  assert {
    condition     = aws_instance.this.associate_public_ip_address
    error_message = "The elastic IP comes after the boot began: until then the host needs an address."
  }
}

run "backups_and_snapshots_find_the_host_once" {
  command = plan

  variables {
    tags = { Backup = "slipway-dev" }
  }

  # What selects the volume as well would take every backup twice.
  assert {
    condition     = aws_instance.this.tags["Backup"] == "slipway-dev" && !contains(keys(aws_instance.this.root_block_device[0].tags), "Backup")
    error_message = "Backups and snapshots select the instance by its tag."
  }
}

run "a_burstable_type_costs_what_the_caller_chose" {
  command = plan

  variables {
    instance = { type = "t3.micro", cpu_credits = "standard" }
  }

  assert {
    condition     = one(aws_instance.this.credit_specification).cpu_credits == "standard"
    error_message = "AWS bills the CPU of a burstable type by default: what was chosen must be said."
  }
}

run "other_types_have_no_credits" {
  command = plan

  variables {
    instance = { type = "m7i.large" }
  }

  assert {
    condition     = length(aws_instance.this.credit_specification) == 0
    error_message = "AWS refuses credits for types that are not burstable."
  }
}
