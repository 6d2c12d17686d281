mock_provider "aws" {
  source = "../../testing"
}

variables {
  name             = "slipway-dev-1"
  vpc_id           = "vpc-0123456789abcdef0"
  subnet_id        = "subnet-0123456789abcdef0"
  instance_profile = "slipway-dev-host"
}

run "refuses_a_bad_name" {
  command = plan

  variables {
    name = "Host 1"
  }

  expect_failures = [var.name]
}

run "refuses_an_unknown_architecture" {
  command = plan

  variables {
    instance = { architecture = "riscv" }
  }

  expect_failures = [var.instance]
}

run "refuses_an_unknown_system" {
  command = plan

  variables {
    instance = { os = "windows" }
  }

  expect_failures = [var.instance]
}

run "refuses_a_type_that_is_none" {
  command = plan

  variables {
    instance = { type = "small" }
  }

  expect_failures = [var.instance]
}

run "refuses_an_arm_type_for_x86" {
  command = plan

  variables {
    instance = { type = "t4g.small" }
  }

  expect_failures = [var.instance]
}

run "refuses_a_tiny_disk" {
  command = plan

  variables {
    instance = { root_gb = 4 }
  }

  expect_failures = [var.instance]
}

run "refuses_a_wide_metadata_hop" {
  command = plan

  variables {
    instance = { metadata_hop_limit = 5 }
  }

  expect_failures = [var.instance]
}

run "refuses_an_unknown_access" {
  command = plan

  variables {
    access = { mode = "telnet" }
  }

  expect_failures = [var.access]
}

run "refuses_ssh_open_to_the_world" {
  command = plan

  variables {
    access = { mode = "ssh", ssh_cidrs = ["0.0.0.0/0"] }
  }

  expect_failures = [var.access]
}

run "refuses_ssh_for_nobody" {
  command = plan

  variables {
    access = { mode = "ssh" }
  }

  expect_failures = [var.access]
}

run "refuses_a_web_for_nobody" {
  command = plan

  variables {
    web_cidrs = []
  }

  expect_failures = [var.web_cidrs]
}

run "refuses_a_key_that_is_none" {
  command = plan

  variables {
    access = { public_keys = ["ssh-ed25519 AAAA… you@laptop"] }
  }

  expect_failures = [var.access]
}

run "refuses_a_private_key" {
  command = plan

  variables {
    access = { public_keys = ["-----BEGIN OPENSSH PRIVATE KEY-----"] }
  }

  expect_failures = [var.access]
}

run "refuses_credits_that_ec2_does_not_know" {
  command = plan

  variables {
    instance = { cpu_credits = "none" }
  }

  expect_failures = [var.instance]
}
