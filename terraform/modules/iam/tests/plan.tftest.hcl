provider "aws" {
  # Plans without an account: nothing is called, so the credentials need not be real.
  region                      = "eu-central-1"
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
  name = "slipway-prod"
  grants = {
    repositories = ["arn:aws:ecr:eu-central-1:123456789012:repository/inference"]
    secrets      = ["arn:aws:secretsmanager:eu-central-1:123456789012:secret:slipway-prod/*"]
    parameters   = ["arn:aws:ssm:eu-central-1:123456789012:parameter/slipway/slipway-prod/*"]
    read_objects = ["arn:aws:s3:::slipway-prod-models-123456789012/*"]
    log_groups   = ["arn:aws:logs:eu-central-1:123456789012:log-group:/slipway/slipway-prod/*"]
    kms_alias    = "alias/slipway-prod"
  }
  host = {
    backups = ["arn:aws:s3:::slipway-prod-backups-123456789012/hosts/*"]
    topics  = ["arn:aws:sns:eu-central-1:123456789012:slipway-prod-alarms"]
    groups  = ["arn:aws:autoscaling:eu-central-1:123456789012:autoScalingGroup:*:autoScalingGroupName/slipway-prod"]

    dns_challenge = { zone_id = "Z0123456789ABCDEFGHIJ", names = ["api.example.com"] }
  }
  ecs      = { enabled = true, exec = true }
  function = { enabled = true, vpc = true }
  ci = {
    repository     = "example/slipway"
    wanted         = ["arn:aws:ssm:eu-central-1:123456789012:parameter/slipway/slipway-prod/inference/wanted"]
    bundle_objects = ["arn:aws:s3:::slipway-prod-bundles-123456789012/*"]
    ecs_services   = ["arn:aws:ecs:eu-central-1:123456789012:service/slipway-prod/inference"]
    functions      = ["arn:aws:lambda:eu-central-1:123456789012:function:slipway-prod-inference"]
    hosts          = true
    key_user       = "admin"
    state          = { bucket = "slipway-state", key = "prod/terraform.tfstate", kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000" }
  }
}

run "no_statement_is_for_everything_unless_it_must" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for p in concat([for r in aws_iam_role_policy.this : r.policy], aws_iam_role_policy.ci[*].policy) : [
        for s in jsondecode(p).Statement :
        !contains(flatten([s.Resource]), "*") || contains(keys(output.wildcard_reasons), s.Sid)
      ]
    ]))
    error_message = "A statement whose resource is \"*\" must be listed with its reason in wildcard_reasons."
  }

  assert {
    condition = alltrue(flatten([
      for p in concat([for r in aws_iam_role_policy.this : r.policy], aws_iam_role_policy.ci[*].policy) : [
        for s in jsondecode(p).Statement : alltrue([for a in flatten([s.Action]) : !endswith(a, "*")])
      ]
    ]))
    error_message = "Actions are named one by one, none by a wildcard."
  }

  assert {
    condition = alltrue([
      for sid in keys(output.wildcard_reasons) : anytrue(flatten([
        for p in concat([for r in aws_iam_role_policy.this : r.policy], aws_iam_role_policy.ci[*].policy) : [
          for s in jsondecode(p).Statement : s.Sid == sid
        ]
      ]))
    ])
    error_message = "wildcard_reasons excuses a statement that no longer exists."
  }
}

run "metrics_go_to_one_namespace_and_decryption_to_one_key" {
  command = plan

  assert {
    condition = alltrue([
      for s in jsondecode(aws_iam_role_policy.this["host"].policy).Statement :
      s.Condition.StringEquals["cloudwatch:namespace"] == "Slipway" if s.Sid == "PublishMetrics"
    ])
    error_message = "PutMetricData must be limited to our namespace."
  }

  assert {
    condition = alltrue([
      for s in jsondecode(aws_iam_role_policy.this["host"].policy).Statement :
      s.Condition["ForAnyValue:StringEquals"]["kms:ResourceAliases"] == "alias/slipway-prod" if s.Sid == "DecryptWithOurKey"
    ])
    error_message = "Decryption must be limited to the environment's key."
  }
}

run "hosts_can_pull_and_nobody_but_ci_can_push" {
  command = plan

  assert {
    condition     = alltrue([for r in aws_iam_role_policy.this : !strcontains(r.policy, "ecr:PutImage")])
    error_message = "No runtime role may push images."
  }

  assert {
    condition     = strcontains(aws_iam_role_policy.this["host"].policy, "ecr:BatchGetImage") && strcontains(aws_iam_role_policy.ci[0].policy, "ecr:PutImage")
    error_message = "Hosts pull, CI pushes."
  }
}

run "hosts_tell_one_topic_of_rollouts" {
  command = plan

  assert {
    condition = [
      for s in jsondecode(aws_iam_role_policy.this["host"].policy).Statement : s.Resource if s.Action == "sns:Publish"
    ] == ["arn:aws:sns:eu-central-1:123456789012:slipway-prod-alarms"]
    error_message = "Hosts publish to the topics that they are given, and to no other."
  }
}

run "hosts_store_and_read_their_backups_and_delete_none" {
  command = plan

  assert {
    condition = alltrue([
      for s in jsondecode(aws_iam_role_policy.this["host"].policy).Statement :
      s.Resource == "arn:aws:s3:::slipway-prod-backups-123456789012/hosts/*" && toset(s.Action) == toset(["s3:GetObject", "s3:PutObject"])
      if s.Sid == "StoreAndRestoreBackups"
      ]) && anytrue([
      for s in jsondecode(aws_iam_role_policy.this["host"].policy).Statement :
      s.Action == "s3:ListBucket" && s.Resource == "arn:aws:s3:::slipway-prod-backups-123456789012" if s.Sid == "TellMissingBackups"
    ])
    error_message = "Hosts put and get objects of hosts/, and see whether one is missing: ${aws_iam_role_policy.this["host"].policy}"
  }
}

run "a_host_answers_the_challenge_for_its_names_only" {
  command = plan

  assert {
    condition = [
      for s in jsondecode(aws_iam_role_policy.this["host"].policy).Statement : [s.Resource, s.Condition["ForAllValues:StringEquals"]]
      if s.Action == "route53:ChangeResourceRecordSets"
      ] == [["arn:aws:route53:::hostedzone/Z0123456789ABCDEFGHIJ", {
        "route53:ChangeResourceRecordSetsNormalizedRecordNames" = "_acme-challenge.api.example.com"
        "route53:ChangeResourceRecordSetsRecordTypes"           = "TXT"
    }]]
    error_message = "A host changes the TXT record of its challenge, and nothing else of the zone: ${aws_iam_role_policy.this["host"].policy}"
  }
}

run "ci_comes_by_a_token_of_one_repository" {
  command = plan

  assert {
    condition = toset(flatten([
      for s in jsondecode(aws_iam_role.ci[0].assume_role_policy).Statement :
      s.Condition.StringLike["token.actions.githubusercontent.com:sub"]
    ])) == toset(["repo:example/slipway:ref:refs/heads/main", "repo:example/slipway:ref:refs/tags/v*"])
    error_message = "The trust names the repository and its refs, got ${aws_iam_role.ci[0].assume_role_policy}."
  }

  assert {
    condition = alltrue([
      for s in jsondecode(aws_iam_role_policy.ci[0].policy).Statement :
      s.Condition.StringEquals["iam:PassedToService"] == "ecs-tasks.amazonaws.com" && alltrue([for r in s.Resource : endswith(r, "-execution") || endswith(r, "-task")])
      if s.Sid == "HandOverTheTaskRoles"
    ])
    error_message = "CI may hand over the two task roles to ECS and nothing else."
  }
}

run "a_task_opens_no_shell_by_default" {
  command = plan

  variables {
    ecs = { enabled = true }
  }

  assert {
    condition     = !strcontains(aws_iam_role_policy.this["task"].policy, "ssmmessages")
    error_message = "ECS exec is off unless asked for."
  }
}

run "empty_grants_grant_nothing" {
  command = plan

  variables {
    grants = {}
    host   = { session_manager = false }
    ci     = null
  }

  assert {
    condition     = toset([for s in jsondecode(aws_iam_role_policy.this["host"].policy).Statement : s.Sid]) == toset(["RegistryLogin", "PublishMetrics"])
    error_message = "Without grants a host may log in to the registry and publish metrics, no more: ${aws_iam_role_policy.this["host"].policy}"
  }
}

run "who_reads_what_is_encrypted_can_decrypt_it" {
  command = plan

  assert {
    condition = alltrue([
      for k, p in merge({ for k, r in aws_iam_role_policy.this : k => r.policy }, { ci = aws_iam_role_policy.ci[0].policy }) :
      contains([for s in jsondecode(p).Statement : s.Sid], "DecryptWithOurKey")
    ])
    error_message = "Models, bundles, secrets and images are under the environment's key: reading one without kms:Decrypt is AccessDenied."
  }
}

run "the_pipeline_can_do_its_work_and_only_here" {
  command = plan

  assert {
    condition = length(setsubtract(
      ["ecr:ListImages", "ec2:DescribeInstances", "ssm:StartSession", "ssm:SendCommand", "ssm:GetCommandInvocation", "secretsmanager:BatchGetSecretValue", "secretsmanager:GetSecretValue", "ssm:GetParameters", "s3:PutObject", "s3:GetObject", "s3:ListBucket", "kms:GenerateDataKey", "kms:Decrypt"],
      flatten([for s in jsondecode(aws_iam_role_policy.ci[0].policy).Statement : s.Action])
    )) == 0
    error_message = "Resolve a version, find the hosts, log in, read the secrets, upload, read the state: got ${aws_iam_role_policy.ci[0].policy}."
  }

  assert {
    condition = alltrue([
      for s in jsondecode(aws_iam_role_policy.ci[0].policy).Statement :
      contains(flatten([for c in values(s.Condition) : values(c)]), "slipway-prod") if contains(["OpenSessions", "AuthorizeKeysOnHosts"], s.Sid)
    ])
    error_message = "It logs in to hosts of this environment only."
  }
}

run "a_job_authorizes_its_key_where_there_is_no_instance_connect" {
  command = plan

  assert {
    condition     = aws_ssm_document.authorize_key[0].document_type == "Command" && strcontains(aws_ssm_document.authorize_key[0].content, "user=admin")
    error_message = "Hosts without EC2 Instance Connect take the key by Run Command."
  }

  # A pattern that let a quote or a line through would let the pipeline run anything as root.
  assert {
    condition = alltrue([
      for key, fits in {
        "ssh-ed25519 ${join("", [for i in range(68) : "A"])}"         = true
        "ssh-ed25519 ${join("", [for i in range(68) : "A"])} a"       = false
        "ssh-ed25519 ${join("", [for i in range(67) : "A"])}\""       = false
        "ssh-ed25519 ${join("", [for i in range(68) : "A"])}\nreboot" = false
      } : can(regex(jsondecode(aws_ssm_document.authorize_key[0].content).parameters.publicKey.allowedPattern, key)) == fits
    ])
    error_message = "Only a key may be sent: ${aws_ssm_document.authorize_key[0].content}"
  }
}

run "where_there_is_instance_connect_no_command_is_sent" {
  command = plan

  variables {
    ci = { repository = "example/slipway", hosts = true }
  }

  assert {
    condition     = length(aws_ssm_document.authorize_key) == 0 && !strcontains(aws_iam_role_policy.ci[0].policy, "ssm:SendCommand")
    error_message = "EC2 Instance Connect lets the key in."
  }

  assert {
    condition = one([
      for s in jsondecode(aws_iam_role_policy.ci[0].policy).Statement :
      flatten([for c in values(s.Condition) : values(c)]) if s.Action == "ec2-instance-connect:SendSSHPublicKey"
    ]) == ["slipway-prod"]
    error_message = "On hosts of this environment only."
  }
}

run "the_pipeline_of_tasks_logs_in_nowhere" {
  command = plan

  variables {
    ci = { repository = "example/slipway", subjects = ["environment:prod"] }
  }

  assert {
    condition     = !strcontains(aws_iam_role_policy.ci[0].policy, "ssm:StartSession") && !strcontains(aws_iam_role_policy.ci[0].policy, "secretsmanager:") && strcontains(aws_iam_role.ci[0].assume_role_policy, "repo:example/slipway:environment:prod")
    error_message = "Without hosts there is nothing to log in to; subjects are the caller's."
  }
}
