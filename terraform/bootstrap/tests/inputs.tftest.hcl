mock_provider "aws" {
  source = "../testing"
}

run "refuses_a_bad_name" {
  command = plan

  variables {
    name = "Slipway State"
  }

  expect_failures = [var.name]
}

run "refuses_to_forget_within_a_month" {
  command = plan

  variables {
    keep_days = 7
  }

  expect_failures = [var.keep_days]
}

run "refuses_a_reader_that_is_no_role" {
  command = plan

  variables {
    readers = ["*"]
  }

  expect_failures = [var.readers]
}

run "mocked_the_backend_is_complete" {
  command = plan

  assert {
    condition     = keys(output.backend) == ["bucket", "encrypt", "kms_key_id", "region", "use_lockfile"]
    error_message = "The output is what backend.hcl needs."
  }
}
