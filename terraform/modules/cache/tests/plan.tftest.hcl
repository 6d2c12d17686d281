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
  name       = "slipway-prod"
  vpc_id     = "vpc-0123456789abcdef0"
  subnet_ids = ["subnet-a", "subnet-b"]
  clients    = { hosts = "sg-0123456789abcdef0" }
}

run "everything_is_encrypted_and_nobody_has_a_password" {
  command = plan

  assert {
    condition     = aws_elasticache_replication_group.this.at_rest_encryption_enabled == "true" && aws_elasticache_replication_group.this.transit_encryption_enabled && aws_elasticache_replication_group.this.transit_encryption_mode == "required"
    error_message = "Encrypted at rest and on the way."
  }

  assert {
    condition     = aws_elasticache_user.service.authentication_mode[0].type == "iam" && aws_elasticache_replication_group.this.auth_token == null
    error_message = "Callers prove themselves by IAM."
  }

  assert {
    condition     = strcontains(aws_elasticache_user.service.access_string, "-@dangerous")
    error_message = "A service may not flush or reconfigure the cache."
  }
}

run "a_second_node_takes_over" {
  command = plan

  assert {
    condition     = aws_elasticache_replication_group.this.automatic_failover_enabled && aws_elasticache_replication_group.this.multi_az_enabled
    error_message = "Two nodes, two zones, automatic failover."
  }
}

run "a_single_node_asks_for_no_failover" {
  command = plan

  variables {
    nodes = { count = 1 }
  }

  assert {
    condition     = !aws_elasticache_replication_group.this.automatic_failover_enabled
    error_message = "AWS refuses failover with one node."
  }
}

run "only_named_clients_connect" {
  command = plan

  assert {
    condition     = alltrue([for r in aws_vpc_security_group_ingress_rule.clients : r.cidr_ipv4 == null && r.from_port == 6379 && r.to_port == 6379])
    error_message = "Only named security groups connect, to Valkey's port alone."
  }
}
