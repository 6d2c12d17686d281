mock_provider "aws" {
  source = "../../testing"
}

variables {
  name             = "slipway-dev-1"
  vpc_id           = "vpc-0123456789abcdef0"
  subnet_id        = "subnet-0123456789abcdef0"
  instance_profile = "slipway-dev-host"
}

run "the_address_belongs_to_the_instance" {
  assert {
    condition     = aws_eip_association.this.instance_id == output.instance_id && output.public_ip == aws_eip.this.public_ip
    error_message = "The host's public address must be its elastic IP."
  }
}

run "a_newer_image_leaves_the_host_alone" {
  command = plan

  variables {
    instance = { ami_id = "ami-0fedcba9876543210" }
  }

  # The state holds the instance of the run before; ignore_changes keeps its image.
  assert {
    condition     = aws_instance.this.ami == "ami-0123456789abcdef0" && aws_instance.this.id == run.the_address_belongs_to_the_instance.instance_id
    error_message = "A new image must not replace a host that serves, got ${aws_instance.this.ami}."
  }
}
