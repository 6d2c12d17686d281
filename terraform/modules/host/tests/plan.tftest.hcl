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

run "the_image_follows_the_operating_system" {
  command = plan

  variables {
    instance = { os = "debian-12", type = "t3.small", architecture = "x86_64" }
  }

  assert {
    condition     = data.aws_ssm_parameter.ami[0].name == "/aws/service/debian/release/12/latest/amd64"
    error_message = "Debian on x86 has its own parameter, got ${data.aws_ssm_parameter.ami[0].name}."
  }

  assert {
    condition     = strcontains(aws_instance.this.user_data, "amazon-ssm-agent")
    error_message = "Debian's image lacks the SSM agent: user data must install it when Session Manager is the way in."
  }
}

run "ubuntu_needs_python_and_nothing_more" {
  command = plan

  assert {
    condition     = try(yamldecode(aws_instance.this.user_data).packages, []) == ["python3"] && !can(yamldecode(aws_instance.this.user_data).runcmd)
    error_message = "User data only makes the host reachable, got: ${aws_instance.this.user_data}"
  }
}
