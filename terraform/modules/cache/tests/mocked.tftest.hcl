mock_provider "aws" {
  source = "../../testing"
}

variables {
  name       = "slipway-dev"
  vpc_id     = "vpc-0123456789abcdef0"
  subnet_ids = ["subnet-a", "subnet-b"]
}

run "callers_learn_where_and_as_whom" {
  assert {
    condition     = output.endpoint == aws_elasticache_replication_group.this.primary_endpoint_address && output.user_arn == aws_elasticache_user.service.arn
    error_message = "Callers need the endpoint and the user they become."
  }
}
