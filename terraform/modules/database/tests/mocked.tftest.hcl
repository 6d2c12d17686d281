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

run "a_final_snapshot_has_a_name" {
  assert {
    condition     = can(regex("^slipway-dev-last-[0-9a-f]{8}$", aws_db_instance.this.final_snapshot_identifier))
    error_message = "RDS refuses a deletion without a name for the snapshot, got ${coalesce(aws_db_instance.this.final_snapshot_identifier, "null")}."
  }
}

run "a_final_snapshot_keeps_its_name_with_the_database" {
  variables {
    log_days = 14
  }

  assert {
    condition     = aws_db_instance.this.final_snapshot_identifier == run.a_final_snapshot_has_a_name.final_snapshot
    error_message = "A second apply changes nothing."
  }
}

run "another_database_has_another_final_snapshot" {
  variables {
    database = { name = "scoring" }
  }

  assert {
    condition     = aws_db_instance.this.final_snapshot_identifier != run.a_final_snapshot_has_a_name.final_snapshot
    error_message = "The snapshot of the database before it has the old name."
  }
}
