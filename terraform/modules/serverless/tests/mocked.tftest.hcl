mock_provider "aws" {
  source = "../../testing"
}

variables {
  name      = "slipway-dev"
  image     = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/inference@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  role_arn  = "arn:aws:iam::123456789012:role/slipway-dev-function"
  log_group = "/slipway/slipway-dev/app"
}

run "callers_name_the_alias" {
  assert {
    condition     = output.alias == "live" && output.invoke_arn == aws_lambda_alias.live.invoke_arn && length(aws_lambda_alias.live.routing_config) == 0
    error_message = "The API calls the alias, which serves one version."
  }
}

run "a_deploy_is_not_undone_by_terraform" {
  command = plan

  variables {
    image = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/inference@sha256:1111111111111111111111111111111111111111111111111111111111111111"
  }

  assert {
    condition     = endswith(aws_lambda_function.this.image_uri, "0000")
    error_message = "The live image is a deploy's business, got ${aws_lambda_function.this.image_uri}."
  }
}
