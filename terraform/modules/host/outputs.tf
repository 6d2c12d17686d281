output "instance_id" {
  description = "The instance."
  value       = aws_instance.this.id
}

output "public_ip" {
  description = "Its static public address."
  value       = aws_eip.this.public_ip
}

output "ipv6" {
  description = "Its IPv6 address, or null."
  value       = try(aws_instance.this.ipv6_addresses[0], null)
}

output "private_ip" {
  description = "Its address inside the VPC."
  value       = aws_instance.this.private_ip
}

output "security_group_id" {
  description = "Its security group, to be admitted by databases and caches."
  value       = aws_security_group.this.id
}

output "alarm_names" {
  description = "Its alarms."
  value       = [for a in aws_cloudwatch_metric_alarm.status : a.alarm_name]
}

output "root_volume_id" {
  description = "Its root volume, for backups."
  value       = try(aws_instance.this.root_block_device[0].volume_id, null)
}

output "ami_id" {
  description = "Image that the host was started from."
  value       = aws_instance.this.ami
}
