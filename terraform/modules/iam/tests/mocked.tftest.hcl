mock_provider "aws" {
  source = "../../testing"
}

variables {
  name = "slipway-dev"
}

run "a_single_host_needs_one_role_and_its_profile" {
  assert {
    condition     = keys(output.role_arns) == ["host"] && output.instance_profile == "slipway-dev-host"
    error_message = "Nothing but the host's role is made by default, got ${jsonencode(keys(output.role_arns))}."
  }
}

run "every_role_is_bounded_when_a_boundary_is_given" {
  variables {
    permissions_boundary = "arn:aws:iam::123456789012:policy/boundary"
    ecs                  = { enabled = true }
    ci                   = { repository = "example/slipway" }
  }

  assert {
    condition = alltrue([
      for r in concat(values(aws_iam_role.this), aws_iam_role.ci) : r.permissions_boundary == "arn:aws:iam::123456789012:policy/boundary"
    ])
    error_message = "The boundary holds for every role."
  }

  assert {
    condition     = keys(output.role_arns) == ["ci", "execution", "host", "task"]
    error_message = "Each role that exists is in the output."
  }
}
