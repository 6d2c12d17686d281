# staging: like prod in kind, smaller in size, free to sleep.

locals {
  environment = "staging"

  defaults = {
    az_count = 2
    egress   = "single_nat"

    # What this environment refuses.
    must_be_protected = false
    may_sleep         = true

    features = {
      kms               = true
      flow_logs         = true
      waf               = true
      trail             = false
      dashboard         = true
      anomaly_detection = false
      backups           = true
      snapshots         = false
      replicate         = false
      database          = false
      cache             = false
      registry          = true
      off_hours         = false
      host_metrics      = false
      steady_traffic    = false
      exec              = false
      protected         = false
    }

    size = {
      instance_types      = ["t3.small"]
      architecture        = "x86_64"
      os                  = "debian-13"
      root_gb             = 20
      detailed_metrics    = true
      cpu_credits         = "unlimited"
      min                 = 1
      max                 = 3
      warm                = 0
      spot_percent        = 50
      requests_per_target = 60000
      task_cpu            = 256
      task_memory         = 512
      function_memory     = 1024
      database_class      = "db.t4g.micro"
      database_multi_az   = false
      cache_type          = "cache.t4g.micro"
      cache_nodes         = 1
      log_days            = 30
      backup_days         = 7
      backup_weekly_days  = 0
    }
  }
}
