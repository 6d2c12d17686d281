provider "aws" {
  # Plans without an account: nothing is called, so the credentials need not be real.
  region                      = "eu-central-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

variables {
  name        = "slipway-prod"
  vpc_id      = "vpc-0123456789abcdef0"
  subnet_ids  = ["subnet-a", "subnet-b"]
  clients     = { hosts = "sg-0123456789abcdef0" }
  kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000"
}

run "nobody_outside_reaches_it" {
  command = plan

  assert {
    condition     = !aws_db_instance.this.publicly_accessible
    error_message = "The database has no public address."
  }

  assert {
    condition     = alltrue([for r in aws_vpc_security_group_ingress_rule.clients : r.cidr_ipv4 == null && r.referenced_security_group_id == "sg-0123456789abcdef0"])
    error_message = "Only named security groups connect."
  }

  assert {
    condition     = one([for p in aws_db_parameter_group.this.parameter : p.value if p.name == "rds.force_ssl"]) == "1"
    error_message = "Connections are encrypted."
  }
}

run "no_password_is_known_here" {
  command = plan

  assert {
    condition     = aws_db_instance.this.manage_master_user_password && aws_db_instance.this.password == null
    error_message = "RDS makes and keeps the owner's password."
  }
}

run "data_is_encrypted_doubled_and_kept" {
  command = plan

  assert {
    condition     = aws_db_instance.this.storage_encrypted && aws_db_instance.this.kms_key_id == var.kms_key_arn && aws_db_instance.this.multi_az
    error_message = "Encrypted with our key, with a standby."
  }

  assert {
    condition     = aws_db_instance.this.deletion_protection && !aws_db_instance.this.skip_final_snapshot && aws_db_instance.this.backup_retention_period == 14
    error_message = "Deletion is refused, and leaves a snapshot when it is forced."
  }
}

run "a_major_upgrade_is_asked_for" {
  command = plan

  assert {
    condition     = !aws_db_instance.this.allow_major_version_upgrade
    error_message = "Another major version alone upgrades nothing."
  }
}

run "a_major_upgrade_can_be_asked_for" {
  command = plan

  variables {
    instance = { version = "18", major_upgrade = true }
  }

  assert {
    condition     = aws_db_instance.this.allow_major_version_upgrade && aws_db_parameter_group.this.family == "postgres18"
    error_message = "Asked for, RDS may upgrade, with the parameters of the new version."
  }
}

run "the_queries_of_a_week_can_be_looked_at" {
  command = plan

  assert {
    condition     = aws_db_instance.this.database_insights_mode == "standard" && aws_db_instance.this.performance_insights_retention_period == 7
    error_message = "Database Insights keeps a week, which is free."
  }
}

run "a_throwaway_database_leaves_nothing" {
  command = plan

  variables {
    protected = false
  }

  assert {
    condition     = !aws_db_instance.this.deletion_protection && aws_db_instance.this.skip_final_snapshot && aws_db_instance.this.delete_automated_backups
    error_message = "Unprotected, destroy must leave neither instance nor snapshots."
  }
}
