"""What an account holds, resource by resource: the same before an apply and after a destroy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .terraform import Terraform

Client = Callable[[str], Any]


def _ids(client: Any, operation: str, path: str, **given: Any) -> Iterable[str]:
    """By a JMESPath over the answer, or over its pages."""
    import jmespath

    if client.can_paginate(operation):
        return [str(it) for it in client.get_paginator(operation).paginate(**given).search(path) if it is not None]
    return [str(it) for it in jmespath.search(path, getattr(client, operation)(**given)) or []]


# Kind → service, operation, path. What AWS itself keeps for a while is left out: terminated instances, inactive
# clusters of ECS, keys and secrets that wait for their deletion.
KINDS: dict[str, tuple[str, str, str]] = {
    "instance": ("ec2", "describe_instances", "Reservations[].Instances[?State.Name!='terminated'][].InstanceId"),
    "vpc": ("ec2", "describe_vpcs", "Vpcs[?!IsDefault].VpcId"),
    "subnet": ("ec2", "describe_subnets", "Subnets[].SubnetId"),
    "security group": ("ec2", "describe_security_groups", "SecurityGroups[].GroupId"),
    "address": ("ec2", "describe_addresses", "Addresses[].AllocationId"),
    "volume": ("ec2", "describe_volumes", "Volumes[].VolumeId"),
    "network interface": ("ec2", "describe_network_interfaces", "NetworkInterfaces[].NetworkInterfaceId"),
    "nat gateway": ("ec2", "describe_nat_gateways", "NatGateways[?State!='deleted'].NatGatewayId"),
    "internet gateway": ("ec2", "describe_internet_gateways", "InternetGateways[].InternetGatewayId"),
    "route table": ("ec2", "describe_route_tables", "RouteTables[].RouteTableId"),
    "vpc endpoint": ("ec2", "describe_vpc_endpoints", "VpcEndpoints[?State!='deleted'].VpcEndpointId"),
    "launch template": ("ec2", "describe_launch_templates", "LaunchTemplates[].LaunchTemplateId"),
    "load balancer": ("elbv2", "describe_load_balancers", "LoadBalancers[].LoadBalancerName"),
    "target group": ("elbv2", "describe_target_groups", "TargetGroups[].TargetGroupName"),
    "scaling group": ("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups[].AutoScalingGroupName"),
    "certificate": ("acm", "list_certificates", "CertificateSummaryList[].DomainName"),
    "function": ("lambda", "list_functions", "Functions[].FunctionName"),
    "api": ("apigatewayv2", "get_apis", "Items[].Name"),
    "bucket": ("s3", "list_buckets", "Buckets[].Name"),
    "repository": ("ecr", "describe_repositories", "repositories[].repositoryName"),
    "zone": ("route53", "list_hosted_zones", "HostedZones[].Id"),
    "role": ("iam", "list_roles", "Roles[].RoleName"),
    "policy": ("iam", "list_policies", "Policies[?starts_with(Arn, 'arn:aws:iam::aws:') == `false`].PolicyName"),
    "instance profile": ("iam", "list_instance_profiles", "InstanceProfiles[].InstanceProfileName"),
    "log group": ("logs", "describe_log_groups", "logGroups[].logGroupName"),
    "topic": ("sns", "list_topics", "Topics[].TopicArn"),
    "alarm": ("cloudwatch", "describe_alarms", "MetricAlarms[].AlarmName"),
    "dashboard": ("cloudwatch", "list_dashboards", "DashboardEntries[].DashboardName"),
    "parameter": ("ssm", "describe_parameters", "Parameters[?!starts_with(Name, '/aws/')].Name"),
    "secret": ("secretsmanager", "list_secrets", "SecretList[?!DeletedDate].Name"),
    "key alias": ("kms", "list_aliases", "Aliases[?!starts_with(AliasName, 'alias/aws/')].AliasName"),
    "schedule": ("scheduler", "list_schedules", "Schedules[].Name"),
    "backup vault": ("backup", "list_backup_vaults", "BackupVaultList[].BackupVaultName"),
}


def resources(client: Client) -> set[str]:
    """`kind name` of everything the account holds, records of its zones included."""
    found = set()
    for kind, (service, operation, path) in KINDS.items():
        found |= {f"{kind} {it}" for it in _ids(client(service), operation, path)}
    for zone in _ids(client("route53"), "list_hosted_zones", "HostedZones[].Id"):
        sets = client("route53").list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
        found |= {f"record {it['Name']} {it['Type']}" for it in sets}
    return found


def count(terraform: Terraform) -> int:
    """Resources in the state, without data."""
    _, said = terraform.run("state", "list")
    return len([line for line in said.splitlines() if "data." not in line])
