# What certbot's plugin calls, for the records of the challenge only:
# https://certbot-dns-route53.readthedocs.io/en/stable/

data "aws_iam_policy_document" "dns_challenge" {
  count = var.host.dns_challenge == null ? 0 : 1

  statement {
    sid       = "FindZones"
    actions   = ["route53:ListHostedZones"]
    resources = ["*"]
  }

  statement {
    sid       = "WaitForTheChallenge"
    actions   = ["route53:GetChange"]
    resources = ["arn:${local.partition}:route53:::change/*"]
  }

  statement {
    sid       = "AnswerTheChallenge"
    actions   = ["route53:ChangeResourceRecordSets"]
    resources = ["arn:${local.partition}:route53:::hostedzone/${var.host.dns_challenge.zone_id}"]

    condition {
      test     = "ForAllValues:StringEquals"
      variable = "route53:ChangeResourceRecordSetsNormalizedRecordNames"
      values   = [for n in var.host.dns_challenge.names : "_acme-challenge.${n}"]
    }

    condition {
      test     = "ForAllValues:StringEquals"
      variable = "route53:ChangeResourceRecordSetsRecordTypes"
      values   = ["TXT"]
    }
  }
}
