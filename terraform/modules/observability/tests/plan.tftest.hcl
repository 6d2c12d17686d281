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
  name        = "slipway-prod"
  kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000"
  notify      = ["ops@example.com"]
  watch = {
    hosts         = { "inference-1" = "i-0123456789abcdef0" }
    group         = "slipway-prod"
    load_balancer = { suffix = "app/slipway-prod/0123", target_groups = { blue = "targetgroup/blue/1", green = "targetgroup/green/2" } }
    ecs           = { cluster = "slipway-prod", service = "inference" }
    function      = "slipway-prod-inference"
    api           = { id = "abc123" }
  }
  host_metrics      = true
  steady_traffic    = true
  anomaly_detection = true
  trail             = { bucket = "slipway-prod-logs-123456789012" }
}

run "the_catalogue_covers_what_can_go_wrong" {
  command = plan

  assert {
    condition = length(setsubtract([
      "memory", "disk", "certificate-days", "no-data", "release-failed", "http-5xx", "latency-p95", "inference-1-cpu", "inference-1-status",
      "group-cpu", "lb-5xx", "lb-latency", "unhealthy-blue", "unhealthy-green", "ecs-cpu", "ecs-memory", "ecs-no-data",
      "function-errors", "function-latency", "api-5xx", "api-latency",
    ], keys(aws_cloudwatch_metric_alarm.this))) == 0
    error_message = "An alarm is missing from ${jsonencode(keys(aws_cloudwatch_metric_alarm.this))}."
  }

  assert {
    condition = alltrue([
      for k in ["no-data", "ecs-no-data", "lb-no-data", "inference-1-status"] : aws_cloudwatch_metric_alarm.this[k].treat_missing_data == "breaching"
    ])
    error_message = "Silence of what must speak is an alarm."
  }
}

run "a_low_certificate_alarms_downwards" {
  command = plan

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.this["certificate-days"].comparison_operator == "LessThanThreshold" &&
      aws_cloudwatch_metric_alarm.this["certificate-days"].threshold == 14
    )
    error_message = "Days left alarm when they fall below the threshold."
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.this["latency-p95"].extended_statistic == "p95" &&
      aws_cloudwatch_metric_alarm.this["lb-latency"].threshold == 0.5
    )
    error_message = "Latency is a percentile, in the metric's own unit: milliseconds ours, seconds the load balancer's."
  }
}

run "logs_are_encrypted_and_expire" {
  command = plan

  assert {
    condition = alltrue([
      for g in aws_cloudwatch_log_group.this : g.retention_in_days > 0 && g.kms_key_id == var.kms_key_arn
    ])
    error_message = "Every log group has a retention and our key."
  }

  assert {
    condition     = aws_sns_topic.alarms.kms_master_key_id == var.kms_key_arn
    error_message = "The topic is encrypted by our key."
  }
}

run "the_trail_is_validated_and_complete" {
  command = plan

  assert {
    condition     = aws_cloudtrail.this[0].enable_log_file_validation && aws_cloudtrail.this[0].is_multi_region_trail && aws_cloudtrail.this[0].kms_key_id == var.kms_key_arn
    error_message = "The trail must be validated, encrypted and cover every region."
  }

  assert {
    condition = (
      jsondecode(data.aws_iam_policy_document.trail.json).Statement[0].Resource ==
      "arn:aws:logs:eu-central-1:123456789012:log-group:/slipway/slipway-prod/trail:log-stream:*"
    )
    error_message = "The trail writes to its own group only."
  }

  assert {
    condition     = !can(jsondecode(data.aws_iam_policy_document.trail_trust.json).Statement[0].Condition)
    error_message = "CloudTrail documents a trust without a condition key."
  }
}

run "a_failed_release_is_counted_from_the_event_log" {
  command = plan

  assert {
    condition = (
      aws_cloudwatch_log_metric_filter.this["release_failed"].log_group_name == "/slipway/slipway-prod/events" &&
      aws_cloudwatch_log_metric_filter.this["release_failed"].metric_transformation[0].name == aws_cloudwatch_metric_alarm.this["release-failed"].metric_name
    )
    error_message = "The alarm must watch the metric that the filter writes."
  }
}

run "what_nobody_publishes_is_no_alarm" {
  command = plan

  variables {
    watch        = { hosts = { "inference-1" = "i-0123456789abcdef0" } }
    host_metrics = false
  }

  assert {
    condition = (
      alltrue([for a in aws_cloudwatch_metric_alarm.this : startswith(a.namespace, "AWS/")]) &&
      length(aws_cloudwatch_metric_alarm.this) > 0 && length(aws_cloudwatch_metric_alarm.anomaly) == 0
    )
    error_message = "Without an agent only what AWS itself measures may alarm, got ${jsonencode(keys(aws_cloudwatch_metric_alarm.this))}."
  }
}

run "a_quiet_night_is_no_alarm" {
  command = plan

  variables {
    steady_traffic = false
  }

  assert {
    condition     = !contains(keys(aws_cloudwatch_metric_alarm.this), "lb-no-data") && contains(keys(aws_cloudwatch_metric_alarm.this), "unhealthy-blue")
    error_message = "That nobody asks is not a fault; that targets are unhealthy is."
  }
}

run "what_sleeps_is_silent" {
  command = plan

  variables {
    sleeps = true
  }

  assert {
    condition     = alltrue([for a in aws_cloudwatch_metric_alarm.this : a.treat_missing_data != "breaching"])
    error_message = "Nobody is to be woken because an environment was switched off by the clock."
  }
}

run "a_rest_api_is_known_by_its_name" {
  command = plan

  variables {
    watch = { api = { id = "slipway-prod", kind = "rest" } }
  }

  assert {
    condition     = one([for q in aws_cloudwatch_metric_alarm.anomaly[0].metric_query : one(q.metric).dimensions if q.id == "rate"]) == tomap({ ApiName = "slipway-prod" })
    error_message = "The request rate of a REST API is published under its name."
  }
}

run "caches_speak_to_a_topic_without_a_key" {
  command = plan

  variables {
    kms_key_arn = null
  }

  assert {
    condition = [
      for s in data.aws_iam_policy_document.topic.statement : [for c in s.condition : c.variable] if s.sid == "CachesOfThisAccountPublish"
    ] == [["aws:SourceOwner"]]
    error_message = "ElastiCache says whom it works for by aws:SourceOwner."
  }
}
