output "backend_hcl" {
  description = "Contents of backend.hcl of an environment, with dev in its key: terraform output -raw backend_hcl."
  value       = <<-EOT
    bucket       = "${local.bucket}"
    key          = "dev/terraform.tfstate"
    region       = "${var.region}"
    kms_key_id   = "${module.kms.alias}"
    encrypt      = true
    use_lockfile = true
  EOT
}

output "backend" {
  description = "Values for backend.hcl of an environment, except its key."
  value = merge(
    { bucket = local.bucket, region = var.region, kms_key_id = module.kms.alias, encrypt = true, use_lockfile = true },
    var.lock_table ? { dynamodb_table = aws_dynamodb_table.lock[0].name } : {},
  )
}
