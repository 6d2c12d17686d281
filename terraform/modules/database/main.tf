data "aws_partition" "current" {}

locals {
  family = "postgres${split(".", var.instance.version)[0]}"
  logs   = toset(["postgresql", "upgrade"])

  generation = substr(terraform_data.generation.id, 0, 8)
}

# Another one for every database: the final snapshot of one that is gone keeps its name. What it follows replaces the
# database.
resource "terraform_data" "generation" {
  triggers_replace = [var.name, var.database, var.kms_key_arn]
}

resource "aws_db_subnet_group" "this" {
  name       = var.name
  subnet_ids = var.subnet_ids
}

resource "aws_db_parameter_group" "this" {
  name   = "${var.name}-${local.family}"
  family = local.family

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }

  parameter {
    name  = "log_min_duration_statement"
    value = "500"
  }

  # Statements that change structure are logged, queries are not.
  parameter {
    name  = "log_statement"
    value = "ddl"
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_158:encrypted by the environment's key when kms_key_arn is given, else by CloudWatch's own
  #checkov:skip=CKV_AWS_338:the environment decides how long
  for_each = local.logs

  # Made before RDS would make it without an end.
  name              = "/aws/rds/instance/${var.name}/${each.key}"
  retention_in_days = var.log_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_db_instance" "this" {
  #checkov:skip=CKV_AWS_157:Multi-AZ is the default; instance.multi_az = false only where nothing is lost by an hour's pause
  #checkov:skip=CKV_AWS_293:deletion protection follows protected, which is false only in environments that are thrown away
  #checkov:skip=CKV_AWS_354:encrypted by the environment's key when kms_key_arn is given
  #checkov:skip=CKV2_AWS_30:slow statements and structure changes are logged; every query would hold people's data
  identifier                            = var.name
  engine                                = "postgres"
  engine_version                        = var.instance.version
  instance_class                        = var.instance.class
  storage_type                          = "gp3"
  allocated_storage                     = var.instance.storage_gb
  max_allocated_storage                 = var.instance.max_gb
  storage_encrypted                     = true
  kms_key_id                            = var.kms_key_arn
  db_name                               = var.database.name
  username                              = var.database.owner
  manage_master_user_password           = true
  master_user_secret_kms_key_id         = var.kms_key_arn
  iam_database_authentication_enabled   = true
  db_subnet_group_name                  = aws_db_subnet_group.this.name
  parameter_group_name                  = aws_db_parameter_group.this.name
  vpc_security_group_ids                = [aws_security_group.this.id]
  publicly_accessible                   = false
  multi_az                              = var.instance.multi_az
  backup_retention_period               = var.backup_days
  backup_window                         = "02:00-03:00"
  maintenance_window                    = "sun:03:30-sun:04:30"
  auto_minor_version_upgrade            = true
  allow_major_version_upgrade           = var.instance.major_upgrade
  copy_tags_to_snapshot                 = true
  deletion_protection                   = var.protected
  skip_final_snapshot                   = !var.protected
  final_snapshot_identifier             = var.protected ? "${var.name}-last-${local.generation}" : null
  delete_automated_backups              = !var.protected
  enabled_cloudwatch_logs_exports       = local.logs
  database_insights_mode                = "standard"
  performance_insights_enabled          = true
  performance_insights_retention_period = 7
  performance_insights_kms_key_id       = var.kms_key_arn
  monitoring_interval                   = 60
  monitoring_role_arn                   = aws_iam_role.monitoring.arn

  tags = var.tags

  depends_on = [aws_cloudwatch_log_group.this]
}

resource "aws_security_group" "this" {
  #checkov:skip=CKV2_AWS_5:attached to the database above
  name        = "${var.name}-database"
  description = "PostgreSQL from named clients, nothing out"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-database" }
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each = var.clients

  security_group_id            = aws_security_group.this.id
  description                  = "PostgreSQL from ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}

data "aws_iam_policy_document" "monitoring_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["monitoring.rds.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "monitoring" {
  name                 = "${var.name}-rds-monitoring"
  assume_role_policy   = data.aws_iam_policy_document.monitoring_trust.json
  permissions_boundary = var.permissions_boundary
}

resource "aws_iam_role_policy_attachment" "monitoring" {
  role       = aws_iam_role.monitoring.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}
