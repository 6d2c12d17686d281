resource "aws_elasticache_subnet_group" "this" {
  name       = var.name
  subnet_ids = var.subnet_ids
}

# Callers prove themselves by IAM: there is no password to leak or to rotate.
resource "aws_elasticache_user" "service" {
  user_id       = "${var.name}-service"
  user_name     = "${var.name}-service"
  engine        = "valkey"
  access_string = "on ~* +@all -@dangerous"

  authentication_mode {
    type = "iam"
  }
}

resource "aws_elasticache_user_group" "this" {
  user_group_id = var.name
  engine        = "valkey"
  user_ids      = [aws_elasticache_user.service.user_id]
}

resource "aws_elasticache_replication_group" "this" {
  #checkov:skip=CKV_AWS_31:TLS is on; callers prove themselves by IAM (user group), which needs no shared token
  #checkov:skip=CKV_AWS_191:encrypted by the environment's key when kms_key_arn is given, else by ElastiCache's own
  #checkov:skip=CKV2_AWS_50:failover follows nodes.count: on with two or more, which is the default
  replication_group_id       = var.name
  description                = "Cache of ${var.name}"
  engine                     = "valkey"
  engine_version             = var.nodes.version
  node_type                  = var.nodes.type
  num_cache_clusters         = var.nodes.count
  automatic_failover_enabled = var.nodes.count > 1
  multi_az_enabled           = var.nodes.count > 1
  subnet_group_name          = aws_elasticache_subnet_group.this.name
  security_group_ids         = [aws_security_group.this.id]
  user_group_ids             = [aws_elasticache_user_group.this.user_group_id]
  at_rest_encryption_enabled = true
  transit_encryption_enabled = true
  transit_encryption_mode    = "required"
  kms_key_id                 = var.kms_key_arn
  snapshot_retention_limit   = var.snapshot_days
  snapshot_window            = "02:00-03:00"
  maintenance_window         = "sun:03:30-sun:04:30"
  auto_minor_version_upgrade = true
  notification_topic_arn     = var.notify_topic_arn
}

resource "aws_security_group" "this" {
  #checkov:skip=CKV2_AWS_5:attached to the cache above
  name        = "${var.name}-cache"
  description = "Valkey from named clients, nothing out"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-cache" }
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each = var.clients

  security_group_id            = aws_security_group.this.id
  description                  = "Valkey from ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 6379
  to_port                      = 6379
}
