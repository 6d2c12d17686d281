mock_provider "aws" {
  source = "../../testing"
}

variables {
  name       = "slipway-dev"
  vpc_id     = "vpc-0123456789abcdef0"
  subnet_ids = ["subnet-a", "subnet-b"]
}

run "outputs_say_where_it_is" {
  assert {
    condition     = output.identifier == "slipway-dev" && output.endpoint == aws_db_instance.this.endpoint
    error_message = "Callers need the endpoint."
  }

  assert {
    condition     = alltrue([for g in aws_cloudwatch_log_group.this : g.retention_in_days == 30])
    error_message = "The database's logs end some day."
  }
}
