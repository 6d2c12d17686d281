# How a job of the pipeline gets its SSH key onto hosts without EC2 Instance Connect (Debian): by Run Command, with this
# document and nothing else. sshd refuses the key after two hours (expiry-time: man sshd), which is longer than a job.

locals {
  authorize_key = try(var.ci.key_user, null) # the user, or null
  # Known before the document is made, so that a plan shows the rights.
  authorize_document = "${var.name}-authorize-key"
}

resource "aws_ssm_document" "authorize_key" {
  count = local.authorize_key == null ? 0 : 1

  name            = local.authorize_document
  document_type   = "Command"
  document_format = "JSON"
  target_type     = "/AWS::EC2::Instance"

  content = jsonencode({
    schemaVersion = "2.2"
    description   = "Let an SSH key of the pipeline log in as ${local.authorize_key} for two hours."
    parameters = {
      publicKey = {
        type           = "String"
        description    = "Type and key of a line of id_ed25519.pub, without its comment."
        allowedPattern = "^ssh-ed25519 [A-Za-z0-9+/=]{68}$"
      }
    }
    mainSteps = [{
      action = "aws:runShellScript"
      name   = "authorizeKey"
      inputs = {
        timeoutSeconds = "60"
        runCommand     = split("\n", trimspace(templatefile("${path.module}/authorize_key.sh.tftpl", { user = local.authorize_key })))
      }
    }]
  })
}

data "aws_iam_policy_document" "authorize_key" {
  count = local.authorize_key == null ? 0 : 1

  statement {
    sid       = "AuthorizeKeys"
    actions   = ["ssm:SendCommand"]
    resources = ["arn:${local.partition}:ssm:${local.region}:${local.account}:document/${local.authorize_document}"]
  }

  statement {
    sid       = "AuthorizeKeysOnHosts"
    actions   = ["ssm:SendCommand"]
    resources = ["arn:${local.partition}:ec2:${local.region}:${local.account}:instance/*"]

    condition {
      test     = "StringEquals"
      variable = "ssm:resourceTag/Environment"
      values   = [var.name]
    }
  }

  statement {
    sid       = "SeeWhetherKeysAreIn"
    actions   = ["ssm:GetCommandInvocation"]
    resources = ["*"]
  }
}
