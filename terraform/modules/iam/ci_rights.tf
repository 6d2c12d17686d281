# What the role of the pipeline may do.

data "aws_iam_policy_document" "ci" {
  #checkov:skip=CKV_AWS_356:only the statements listed in wildcard_reasons, whose actions know no resource
  count = var.ci == null ? 0 : 1

  # It resolves versions, reads the models and, for hosts, the secrets that it deploys, and encrypts what it uploads.
  source_policy_documents = concat(
    [
      data.aws_iam_policy_document.pull.json,
      data.aws_iam_policy_document.decrypt.json,
      data.aws_iam_policy_document.read_objects.json,
    ],
    data.aws_iam_policy_document.authorize_key[*].json,
    var.ci.hosts ? [
      data.aws_iam_policy_document.read_settings.json,
      data.aws_iam_policy_document.read_together.json,
    ] : [],
  )

  dynamic "statement" {
    for_each = length(var.grants.repositories) > 0 ? [var.grants.repositories] : []

    content {
      sid       = "PushImages"
      actions   = [for a in ["CompleteLayerUpload", "InitiateLayerUpload", "ListImages", "PutImage", "UploadLayerPart"] : "ecr:${a}"]
      resources = statement.value
    }
  }

  dynamic "statement" {
    for_each = length(var.ci.wanted) > 0 ? [var.ci.wanted] : []

    content {
      sid       = "SetTheWantedRelease"
      actions   = ["ssm:GetParameter", "ssm:PutParameter"]
      resources = statement.value
    }
  }

  dynamic "statement" {
    for_each = length(var.ci.bundle_objects) > 0 ? [var.ci.bundle_objects] : []

    content {
      sid       = "UploadTheBundle"
      actions   = ["s3:PutObject"]
      resources = statement.value
    }
  }

  # The inventory finds the hosts, SSH goes through Session Manager.
  dynamic "statement" {
    for_each = var.ci.hosts ? [1] : []

    content {
      sid       = "FindHosts"
      actions   = ["ec2:DescribeInstances"]
      resources = ["*"]
    }
  }

  dynamic "statement" {
    for_each = var.ci.hosts ? [1] : []

    content {
      sid       = "OpenSessions"
      actions   = ["ssm:StartSession"]
      resources = ["arn:${local.partition}:ec2:${local.region}:${local.account}:instance/*"]

      condition {
        test     = "StringEquals"
        variable = "ssm:resourceTag/Environment"
        values   = [var.name]
      }
    }
  }

  dynamic "statement" {
    for_each = var.ci.hosts ? [1] : []

    content {
      sid       = "SshInSessions"
      actions   = ["ssm:StartSession"]
      resources = ["arn:${local.partition}:ssm:${local.region}::document/AWS-StartSSHSession"]
    }
  }

  # EC2 Instance Connect, or where it is not, the document of ci_key.tf.
  dynamic "statement" {
    for_each = var.ci.hosts && var.ci.key_user == null ? [1] : []

    content {
      sid       = "LetAKeyIn"
      actions   = ["ec2-instance-connect:SendSSHPublicKey"]
      resources = ["arn:${local.partition}:ec2:${local.region}:${local.account}:instance/*"]

      condition {
        test     = "StringEquals"
        variable = "aws:ResourceTag/Environment"
        values   = [var.name]
      }
    }
  }

  dynamic "statement" {
    for_each = var.ci.state[*]

    content {
      sid       = "ReadTheState"
      actions   = ["s3:GetObject"]
      resources = ["arn:${local.partition}:s3:::${statement.value.bucket}/${statement.value.key}"]
    }
  }

  dynamic "statement" {
    for_each = var.ci.state[*]

    content {
      sid       = "FindTheState"
      actions   = ["s3:ListBucket"]
      resources = ["arn:${local.partition}:s3:::${statement.value.bucket}"]
    }
  }

  dynamic "statement" {
    for_each = compact([try(var.ci.state.kms_key_arn, null)])

    content {
      sid       = "DecryptTheState"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = length(var.ci.ecs_services) > 0 ? [var.ci.ecs_services] : []

    content {
      sid       = "RollTheService"
      actions   = ["ecs:DescribeServices", "ecs:UpdateService"]
      resources = statement.value
    }
  }

  dynamic "statement" {
    for_each = length(var.ci.ecs_services) > 0 ? [1] : []

    content {
      sid       = "RegisterTaskDefinitions"
      actions   = ["ecs:RegisterTaskDefinition"]
      resources = ["arn:${local.partition}:ecs:${local.region}:${local.account}:task-definition/${var.name}*:*"]
    }
  }

  dynamic "statement" {
    for_each = length(var.ci.ecs_services) > 0 ? [1] : []

    content {
      sid       = "ReadTaskDefinition"
      actions   = ["ecs:DescribeTaskDefinition"]
      resources = ["*"]
    }
  }

  dynamic "statement" {
    for_each = length(var.ci.ecs_services) > 0 ? [1] : []

    content {
      sid       = "HandOverTheTaskRoles"
      actions   = ["iam:PassRole"]
      resources = [for r in ["execution", "task"] : "arn:${local.partition}:iam::${local.account}:role/${var.name}-${r}"]

      condition {
        test     = "StringEquals"
        variable = "iam:PassedToService"
        values   = ["ecs-tasks.amazonaws.com"]
      }
    }
  }

  dynamic "statement" {
    for_each = length(var.ci.functions) > 0 ? [var.ci.functions] : []

    content {
      sid       = "RollTheFunction"
      actions   = [for a in ["GetFunction", "PublishVersion", "UpdateAlias", "UpdateFunctionCode"] : "lambda:${a}"]
      resources = statement.value
    }
  }
}
