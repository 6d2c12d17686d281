# prod: spread over zones, encrypted by its own key, backed up, and not to be destroyed by accident.

locals {
  environment = "prod"

  defaults = {
    az_count = 3
    egress   = "nat_per_az"

    # What this environment refuses.
    must_be_protected = true
    may_sleep         = false

    features = {
      kms               = true
      flow_logs         = true
      waf               = true
      trail             = true
      dashboard         = true
      anomaly_detection = true
      backups           = true
      snapshots         = true
      replicate         = false
      database          = false
      cache             = false
      registry          = true
      off_hours         = false
      host_metrics      = false
      steady_traffic    = false
      exec              = false
      protected         = true
    }

    size = {
      instance_types      = ["t3.medium"]
      architecture        = "x86_64"
      os                  = "debian-13"
      root_gb             = 30
      detailed_metrics    = true
      cpu_credits         = "unlimited"
      min                 = 2
      max                 = 6
      warm                = 0
      spot_percent        = 0
      requests_per_target = 120000
      task_cpu            = 512
      task_memory         = 1024
      function_memory     = 1769
      database_class      = "db.t4g.small"
      database_multi_az   = true
      cache_type          = "cache.t4g.small"
      cache_nodes         = 2
      log_days            = 90
      backup_days         = 35
      backup_weekly_days  = 90
    }
  }
}
