mock_provider "aws" {
  source = "../../testing"
}

variables {
  name       = "slipway-dev"
  secrets    = { token = { description = "A token" } }
  values     = {}
  parameters = { "inference/log_level" = { value = "info", description = "How much the service says" } }
}

run "a_secret_without_a_version_is_left_to_people" {
  assert {
    condition     = length(aws_secretsmanager_secret_version.this) == 0 && output.secret_names["token"] == "slipway-dev/token"
    error_message = "No version asked for: Terraform writes no value."
  }

  assert {
    condition     = output.parameters["inference/log_level"] == "/slipway/slipway-dev/inference/log_level"
    error_message = "Settings live below the environment's path."
  }
}
