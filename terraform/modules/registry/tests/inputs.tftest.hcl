mock_provider "aws" {
  source = "../../testing"
}

mock_provider "aws" {
  alias  = "replica"
  source = "../../testing"
}

variables {
  repositories = ["inference"]
}

run "refuses_an_upper_case_repository" {
  command = plan

  variables {
    repositories = ["Inference"]
  }

  expect_failures = [var.repositories]
}

run "refuses_no_repository" {
  command = plan

  variables {
    repositories = []
  }

  expect_failures = [var.repositories]
}

run "refuses_too_few_releases" {
  command = plan

  variables {
    retention = { releases = 2 }
  }

  expect_failures = [var.retention]
}

run "refuses_too_few_deployed_images" {
  command = plan

  variables {
    retention = { deployed = 1 }
  }

  expect_failures = [var.retention]
}

run "refuses_untagged_images_gone_at_once" {
  command = plan

  variables {
    retention = { untagged_days = 0 }
  }

  expect_failures = [var.retention]
}

run "refuses_an_upstream_with_a_path" {
  command = plan

  variables {
    pull_through = { quay = { upstream = "https://quay.io/v2" } }
  }

  expect_failures = [var.pull_through]
}

run "refuses_to_adopt_what_it_does_not_manage" {
  command = plan

  variables {
    adopted = ["other"]
  }

  expect_failures = [var.adopted]
}
