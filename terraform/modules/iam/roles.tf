# What each role is made of.

data "aws_iam_policy_document" "host" {
  #checkov:skip=CKV_AWS_356:only the statements listed in wildcard_reasons, whose actions know no resource
  #checkov:skip=CKV_AWS_111:cloudwatch:PutMetricData knows no resource; limited to one namespace
  source_policy_documents = concat(
    [
      data.aws_iam_policy_document.pull.json,
      data.aws_iam_policy_document.read_settings.json,
      data.aws_iam_policy_document.read_together.json,
      data.aws_iam_policy_document.decrypt.json,
      data.aws_iam_policy_document.read_objects.json,
      data.aws_iam_policy_document.write_logs.json,
      data.aws_iam_policy_document.publish_metrics.json,
    ],
    data.aws_iam_policy_document.dns_challenge[*].json,
  )

  dynamic "statement" {
    for_each = var.host.session_manager ? [1] : []

    content {
      sid     = "SessionChannels"
      actions = [for a in ["CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel"] : "ssmmessages:${a}"]

      resources = ["*"]
    }
  }

  dynamic "statement" {
    for_each = var.host.session_manager ? [1] : []

    content {
      sid = "RunCommandMessages"
      actions = [
        for a in ["AcknowledgeMessage", "DeleteMessage", "FailMessage", "GetEndpoint", "GetMessages", "SendReply"] : "ec2messages:${a}"
      ]
      resources = ["*"]
    }
  }

  dynamic "statement" {
    for_each = var.host.session_manager ? [1] : []

    content {
      sid     = "ReportToSystemsManager"
      actions = ["ssm:UpdateInstanceInformation", "ssm:ListInstanceAssociations", "ssm:UpdateInstanceAssociationStatus"]
      resources = [
        "arn:${local.partition}:ec2:${local.region}:${local.account}:instance/*",
        "arn:${local.partition}:ssm:${local.region}:${local.account}:association/*",
      ]
    }
  }

  dynamic "statement" {
    for_each = length(var.host.topics) > 0 ? [var.host.topics] : []

    content {
      sid       = "TellOfRollouts"
      actions   = ["sns:Publish"]
      resources = statement.value
    }
  }

  dynamic "statement" {
    for_each = length(var.host.backups) > 0 ? [var.host.backups] : []

    content {
      sid       = "StoreAndRestoreBackups"
      actions   = ["s3:GetObject", "s3:PutObject"]
      resources = statement.value
    }
  }

  dynamic "statement" {
    for_each = length(var.host.backups) > 0 ? [distinct([for o in var.host.backups : split("/", o)[0]])] : []

    content {
      # Without it S3 answers for a backup that is missing as for one that is forbidden.
      sid       = "TellMissingBackups"
      actions   = ["s3:ListBucket"]
      resources = statement.value
    }
  }

  dynamic "statement" {
    for_each = length(var.host.groups) > 0 ? [var.host.groups] : []

    content {
      sid       = "FinishLifecycleActions"
      actions   = [for a in ["CompleteLifecycleAction", "RecordLifecycleActionHeartbeat"] : "autoscaling:${a}"]
      resources = statement.value
    }
  }
}

# ECS itself: pulls the image, injects secrets, writes logs.
data "aws_iam_policy_document" "execution" {
  #checkov:skip=CKV_AWS_356:only the statements listed in wildcard_reasons, whose actions know no resource
  source_policy_documents = [
    data.aws_iam_policy_document.pull.json,
    data.aws_iam_policy_document.read_settings.json,
    data.aws_iam_policy_document.decrypt.json,
    data.aws_iam_policy_document.write_logs.json,
  ]
}

# The service in the task: reads its model, publishes its metrics.
data "aws_iam_policy_document" "task" {
  #checkov:skip=CKV_AWS_356:only the statements listed in wildcard_reasons, whose actions know no resource
  #checkov:skip=CKV_AWS_111:cloudwatch:PutMetricData knows no resource; limited to one namespace
  source_policy_documents = concat(
    [
      data.aws_iam_policy_document.decrypt.json,
      data.aws_iam_policy_document.read_objects.json,
      data.aws_iam_policy_document.publish_metrics.json,
    ],
    # What is typed in a shell is logged by the task itself.
    var.ecs.exec ? [data.aws_iam_policy_document.write_logs.json] : [],
  )

  dynamic "statement" {
    for_each = var.ecs.exec ? [1] : []

    content {
      sid       = "FindLogGroups"
      actions   = ["logs:DescribeLogGroups"]
      resources = ["*"]
    }
  }

  dynamic "statement" {
    for_each = var.ecs.exec ? [1] : []

    content {
      sid       = "TaskShell"
      actions   = [for a in ["CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel"] : "ssmmessages:${a}"]
      resources = ["*"]
    }
  }
}

data "aws_iam_policy_document" "function" {
  #checkov:skip=CKV_AWS_356:only the statements listed in wildcard_reasons, whose actions know no resource
  #checkov:skip=CKV_AWS_111:cloudwatch:PutMetricData knows no resource; limited to one namespace
  source_policy_documents = [
    data.aws_iam_policy_document.read_settings.json,
    data.aws_iam_policy_document.decrypt.json,
    data.aws_iam_policy_document.read_objects.json,
    data.aws_iam_policy_document.write_logs.json,
    data.aws_iam_policy_document.publish_metrics.json,
  ]

  statement {
    sid       = "SendTraces"
    actions   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    resources = ["*"]
  }

  dynamic "statement" {
    for_each = var.function.vpc ? [1] : []

    content {
      sid = "FootInTheVpc"
      actions = [
        for a in ["AssignPrivateIpAddresses", "CreateNetworkInterface", "DeleteNetworkInterface", "DescribeNetworkInterfaces", "DescribeSubnets", "UnassignPrivateIpAddresses"] : "ec2:${a}"
      ]
      resources = ["*"]
    }
  }
}
