provider "aws" {
  # Plans without an account: nothing is called, so the credentials need not be real.
  region                      = "eu-central-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

provider "aws" {
  alias                       = "second_region"
  region                      = "eu-west-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

variables {
  name = "slipway-dev"
}

run "key_rotates_and_its_deletion_waits" {
  command = plan

  assert {
    condition     = aws_kms_key.this.enable_key_rotation && aws_kms_key.this.deletion_window_in_days == 30
    error_message = "The key must rotate, and a mistaken deletion must leave 30 days to notice."
  }
}

run "services_are_let_in_for_this_account_only" {
  command = plan

  assert {
    condition = alltrue([
      for s in jsondecode(data.aws_iam_policy_document.key.json).Statement : can(s.Condition) if can(s.Principal.Service)
    ])
    error_message = "A service principal without a condition lets other accounts' resources use the key."
  }

  assert {
    condition = alltrue([
      for s in jsondecode(data.aws_iam_policy_document.key.json).Statement :
      s.Condition.StringEquals["kms:CallerAccount"] == "123456789012" && can(s.Condition.ArnLike["aws:PrincipalArn"])
      if try(s.Principal.AWS, s.Principal) == "*"
    ])
    error_message = "A statement for any principal must be limited to roles of this account."
  }
}

run "auto_scaling_may_use_the_key_by_this_policy_alone" {
  command = plan

  # Its service-linked role has no KMS action of its own, so a statement that delegates to IAM (the account as principal) is none.
  assert {
    condition = toset(flatten([
      for s in jsondecode(data.aws_iam_policy_document.key.json).Statement : s.Action
      if try(endswith(s.Condition.ArnLike["aws:PrincipalArn"], "/AWSServiceRoleForAutoScaling*") && s.Principal.AWS == "*", false)
    ])) == toset(["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"])
    error_message = "Auto Scaling must be able to start instances with volumes under this key."
  }

  assert {
    condition = alltrue([
      for s in jsondecode(data.aws_iam_policy_document.key.json).Statement :
      s.Condition.Bool["kms:GrantIsForAWSResource"] == "true" if s.Action == "kms:CreateGrant"
    ])
    error_message = "Grants are for AWS resources only."
  }
}

run "a_failed_backup_reaches_the_encrypted_topic" {
  command = plan

  assert {
    condition = contains(flatten([
      for s in jsondecode(data.aws_iam_policy_document.key.json).Statement : s.Principal.Service if can(s.Principal.Service) && contains(flatten([s.Action]), "kms:GenerateDataKey*")
    ]), "backup.amazonaws.com")
    error_message = "Whoever publishes to the topic encrypts with its key."
  }
}

run "a_second_regions_key_serves_that_regions_logs" {
  command = plan

  providers = {
    aws = aws.second_region
  }

  assert {
    condition     = strcontains(data.aws_iam_policy_document.key.json, "logs.eu-west-1.amazonaws.com")
    error_message = "The log service that the key lets in must be of the second region."
  }
}

run "another_partition_has_another_log_service" {
  command = plan

  override_data {
    target = data.aws_partition.current
    values = { partition = "aws-cn", dns_suffix = "amazonaws.com.cn" }
  }

  assert {
    condition     = strcontains(data.aws_iam_policy_document.key.json, "\"logs.eu-central-1.amazonaws.com.cn\"")
    error_message = "CloudWatch Logs has a principal of each region and partition."
  }
}

run "a_key_without_services_is_the_account_s_and_its_readers" {
  command = plan

  variables {
    services = false
    readers  = ["arn:aws:iam::123456789012:role/plan"]
  }

  assert {
    condition     = [for s in jsondecode(data.aws_iam_policy_document.key.json).Statement : s.Sid] == ["AccountDelegatesToIam", "ReadersDecrypt"]
    error_message = "No service has a business with it, got ${data.aws_iam_policy_document.key.json}."
  }

  assert {
    condition = alltrue([
      for s in jsondecode(data.aws_iam_policy_document.key.json).Statement :
      s.Principal.AWS == "arn:aws:iam::123456789012:role/plan" && !anytrue([for a in s.Action : strcontains(a, "Encrypt") || strcontains(a, "*")]) if s.Sid == "ReadersDecrypt"
    ])
    error_message = "Readers decrypt, and encrypt nothing."
  }
}
