output "names" {
  description = "Bucket names by key."
  value       = { for k, b in aws_s3_bucket.this : k => b.id }
}

output "arns" {
  description = "Bucket ARNs by key."
  value       = { for k, b in aws_s3_bucket.this : k => b.arn }
}

output "log_bucket" {
  description = "Bucket for access logs (prefixes s3/, alb/) and the trail."
  value       = aws_s3_bucket.logs.id

  # Whoever writes logs needs the bucket's policy in place first.
  depends_on = [aws_s3_bucket_policy.logs]
}

output "replica_names" {
  description = "Replica buckets by key."
  value       = { for k, b in aws_s3_bucket.replica : k => b.id }
}
