output "cluster" {
  description = "Name of the cluster."
  value       = aws_ecs_cluster.this.name
}

output "cluster_arn" {
  description = "ARN of the cluster."
  value       = aws_ecs_cluster.this.arn
}

output "service" {
  description = "Name of the service."
  value       = aws_ecs_service.this.name
}

output "task_family" {
  description = "Family that deploys register task definitions in."
  value       = aws_ecs_task_definition.this.family
}

output "security_group_id" {
  description = "Security group of the tasks, to be admitted by databases and caches."
  value       = aws_security_group.this.id
}

output "scaling_resource" {
  description = "Resource id for scheduled scaling: service/<cluster>/<service>."
  value       = local.target.resource_id
}

output "task_definition_arn" {
  description = "The first task definition; deploys register newer ones."
  value       = aws_ecs_task_definition.this.arn
}

output "container_definitions" {
  description = "Containers of the first task definition, as JSON."
  value       = aws_ecs_task_definition.this.container_definitions
}
