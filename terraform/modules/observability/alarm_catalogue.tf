# Every alarm as data. statistic p95 is an extended one; missing says what silence means.

locals {
  t = var.thresholds

  # Custom metrics of the hosts carry the environment and the service.
  ours = { Environment = var.name, Service = var.service }

  # What silence of something that must always speak means.
  silence = var.sleeps ? "notBreaching" : "breaching"

  # Signs of a host-run service, whatever the number of hosts: single and fleet. Published by an agent on the hosts.
  reporting = var.host_metrics && (length(var.watch.hosts) > 0 || var.watch.group != null)
  from_hosts = merge([for _ in local.reporting ? [1] : [] : {
    memory           = { metric = "memory_used_percent", dimensions = local.ours, statistic = "Maximum", above = local.t.memory_percent, what = "memory runs out on a host" }
    disk             = { metric = "disk_used_percent", dimensions = local.ours, statistic = "Maximum", above = local.t.disk_percent, what = "a disk fills up" }
    certificate-days = { metric = "certificate_days_left", dimensions = local.ours, statistic = "Minimum", below = local.t.certificate_days, period = 3600, what = "a certificate was not renewed" }
    no-data          = { metric = "disk_used_percent", dimensions = local.ours, statistic = "SampleCount", below = 1, missing = local.silence, what = "hosts no longer report" }
    release-failed   = { metric = "${var.name}/release_failed", statistic = "Sum", above = 0, what = "a release failed; the one before still serves" }
    http-5xx         = { metric = "${var.name}/http_5xx", statistic = "Sum", above = local.t.errors_5xx, what = "clients get server errors" }
    latency-p95      = { metric = "${var.name}/http_latency_ms", statistic = "p95", above = local.t.latency_p95_ms, periods = 3, what = "answers are slow" }
  }]...)

  from_instances = merge([
    for name, id in var.watch.hosts : {
      "${name}-cpu"    = { namespace = "AWS/EC2", metric = "CPUUtilization", dimensions = { InstanceId = id }, statistic = "Average", above = local.t.cpu_percent, periods = 3, what = "${name} is busy" }
      "${name}-status" = { namespace = "AWS/EC2", metric = "StatusCheckFailed", dimensions = { InstanceId = id }, statistic = "Maximum", above = 0, missing = local.silence, what = "${name} is unhealthy or gone" }
    }
  ]...)

  from_group = { for g in var.watch.group[*] : "group-cpu" => {
    namespace = "AWS/EC2", metric = "CPUUtilization", dimensions = { AutoScalingGroupName = g }, statistic = "Average", above = local.t.cpu_percent, periods = 3, what = "the fleet is busy and at its largest"
  } }

  from_load_balancer = merge([
    for lb in var.watch.load_balancer[*] : merge(
      {
        lb-5xx     = { namespace = "AWS/ApplicationELB", metric = "HTTPCode_Target_5XX_Count", dimensions = { LoadBalancer = lb.suffix }, statistic = "Sum", above = local.t.errors_5xx, what = "targets answer with server errors" }
        lb-latency = { namespace = "AWS/ApplicationELB", metric = "TargetResponseTime", dimensions = { LoadBalancer = lb.suffix }, statistic = "p95", above = local.t.latency_p95_ms / 1000, periods = 3, what = "answers are slow" }
      },
      var.steady_traffic ? {
        lb-no-data = { namespace = "AWS/ApplicationELB", metric = "RequestCount", dimensions = { LoadBalancer = lb.suffix }, statistic = "Sum", below = 1, periods = 3, missing = local.silence, what = "no request arrives" }
      } : {},
      { for colour, suffix in lb.target_groups : "unhealthy-${colour}" => {
        namespace = "AWS/ApplicationELB", metric = "UnHealthyHostCount", dimensions = { LoadBalancer = lb.suffix, TargetGroup = suffix }, statistic = "Maximum", above = 0, what = "targets of ${colour} are unhealthy"
      } },
    )
  ]...)

  from_ecs = merge([
    for e in var.watch.ecs[*] : {
      ecs-cpu     = { namespace = "AWS/ECS", metric = "CPUUtilization", dimensions = { ClusterName = e.cluster, ServiceName = e.service }, statistic = "Average", above = local.t.cpu_percent, periods = 3, what = "tasks are busy" }
      ecs-memory  = { namespace = "AWS/ECS", metric = "MemoryUtilization", dimensions = { ClusterName = e.cluster, ServiceName = e.service }, statistic = "Average", above = local.t.memory_percent, periods = 3, what = "tasks run out of memory" }
      ecs-no-data = { namespace = "ECS/ContainerInsights", metric = "RunningTaskCount", dimensions = { ClusterName = e.cluster, ServiceName = e.service }, statistic = "Minimum", below = 1, missing = local.silence, what = "no task runs" }
    }
  ]...)

  from_function = merge([
    for f in var.watch.function[*] : {
      function-errors    = { namespace = "AWS/Lambda", metric = "Errors", dimensions = { FunctionName = f }, statistic = "Sum", above = local.t.errors_5xx, what = "invocations fail" }
      function-throttles = { namespace = "AWS/Lambda", metric = "Throttles", dimensions = { FunctionName = f }, statistic = "Sum", above = 0, what = "invocations are throttled" }
      function-latency   = { namespace = "AWS/Lambda", metric = "Duration", dimensions = { FunctionName = f }, statistic = "p95", above = local.t.latency_p95_ms, periods = 3, what = "invocations are slow" }
    }
  ]...)

  from_api = merge([
    for a in var.watch.api[*] : {
      api-5xx     = { namespace = "AWS/ApiGateway", metric = a.kind == "rest" ? "5XXError" : "5xx", dimensions = { (a.kind == "rest" ? "ApiName" : "ApiId") = a.id }, statistic = "Sum", above = local.t.errors_5xx, what = "the API answers with server errors" }
      api-latency = { namespace = "AWS/ApiGateway", metric = "Latency", dimensions = { (a.kind == "rest" ? "ApiName" : "ApiId") = a.id }, statistic = "p95", above = local.t.latency_p95_ms, periods = 3, what = "the API is slow" }
    }
  ]...)

  alarms = {
    for k, a in merge(
      local.from_hosts, local.from_instances, local.from_group, local.from_load_balancer, local.from_ecs, local.from_function, local.from_api
      ) : k => {
      namespace  = try(a.namespace, "Slipway")
      metric     = a.metric
      dimensions = try(a.dimensions, {})
      statistic  = a.statistic
      threshold  = try(a.above, a.below)
      comparison = can(a.above) ? "GreaterThanThreshold" : "LessThanThreshold"
      period     = try(a.period, 300)
      periods    = try(a.periods, 1)
      missing    = try(a.missing, "notBreaching")
      what       = a.what
    }
  }
}
