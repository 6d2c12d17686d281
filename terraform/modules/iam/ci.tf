# The pipeline's role: GitHub proves who runs by a signed token, so no long-lived key exists.

locals {
  issuer       = "token.actions.githubusercontent.com"
  provider_arn = "arn:${local.partition}:iam::${local.account}:oidc-provider/${local.issuer}"
}

resource "aws_iam_openid_connect_provider" "github" {
  count = try(var.ci.create_provider, false) ? 1 : 0

  url            = "https://${local.issuer}"
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_policy_document" "ci_trust" {
  #checkov:skip=CKV_AWS_358:the subject always begins with one repository and names refs or environments (validated in variables.tf)
  count = var.ci == null ? 0 : 1

  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [local.provider_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }

    condition {
      test     = "StringLike"
      variable = "${local.issuer}:sub"
      values   = [for s in var.ci.subjects : "repo:${var.ci.repository}:${s}"]
    }
  }
}

resource "aws_iam_role" "ci" {
  count = var.ci == null ? 0 : 1

  name                 = "${var.name}-ci"
  assume_role_policy   = data.aws_iam_policy_document.ci_trust[0].json
  permissions_boundary = var.permissions_boundary
  max_session_duration = 3600
}

resource "aws_iam_role_policy" "ci" {
  count = var.ci == null ? 0 : 1

  name   = "ci"
  role   = aws_iam_role.ci[0].id
  policy = data.aws_iam_policy_document.ci[0].json
}
