# dev: one small host, thrown away at will. Some 15 $ a month.

locals {
  environment = "dev"

  defaults = {
    az_count = 2
    egress   = "single_nat"

    # What this environment refuses.
    must_be_protected = false
    may_sleep         = true

    features = {
      kms               = false
      flow_logs         = false
      waf               = false
      trail             = false
      dashboard         = true
      anomaly_detection = false
      backups           = false
      snapshots         = false
      replicate         = false
      database          = false
      cache             = false
      registry          = true
      off_hours         = false
      host_metrics      = false
      steady_traffic    = false
      exec              = true
      protected         = false
    }

    size = {
      instance_types      = ["t3.micro"]
      architecture        = "x86_64"
      os                  = "debian-13"
      root_gb             = 16
      detailed_metrics    = false
      cpu_credits         = "standard"
      min                 = 1
      max                 = 2
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
      log_days            = 14
      backup_days         = 7
      backup_weekly_days  = 0
    }
  }
}
