"""The patches of what fleets, ECS and Lambda are made of, by the API: what AWS does and moto alone does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rehearsal.flags import TARGET_HEALTH

IMAGE = "ami-12c6146b"


def subnets(client: Any, count: int = 2) -> list[str]:
    return [it["SubnetId"] for it in client("ec2").describe_subnets()["Subnets"][:count]]


@pytest.fixture
def template(client: Any, request: pytest.FixtureRequest) -> Iterator[str]:
    """A launch template with a profile, metadata options and tags of both kinds."""
    ec2, iam, name = client("ec2"), client("iam"), request.node.name
    iam.create_instance_profile(InstanceProfileName=name)
    made = ec2.create_launch_template(
        LaunchTemplateName=name,
        TagSpecifications=[{"ResourceType": "launch-template", "Tags": [{"Key": "Own", "Value": "1"}]}],
        LaunchTemplateData={
            "ImageId": IMAGE,
            "InstanceType": "t3.micro",
            "IamInstanceProfile": {"Name": name},
            "MetadataOptions": {"HttpTokens": "required", "InstanceMetadataTags": "enabled"},
            "Monitoring": {"Enabled": True},
            "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "Given", "Value": "2"}]}],
        },
    )["LaunchTemplate"]["LaunchTemplateId"]
    yield made
    ec2.delete_launch_template(LaunchTemplateId=made)


@pytest.fixture
def group(client: Any, template: str, request: pytest.FixtureRequest) -> Iterator[str]:
    scaling, name = client("autoscaling"), request.node.name
    scaling.create_auto_scaling_group(
        AutoScalingGroupName=name,
        MinSize=0,
        MaxSize=2,
        DefaultInstanceWarmup=240,
        VPCZoneIdentifier=",".join(subnets(client)),
        MixedInstancesPolicy={
            "LaunchTemplate": {
                "LaunchTemplateSpecification": {"LaunchTemplateId": template, "Version": "1"},
                "Overrides": [{"InstanceType": "t3.micro"}],
            },
            "InstancesDistribution": {"OnDemandBaseCapacity": 1, "OnDemandPercentageAboveBaseCapacity": 50},
        },
    )
    yield name
    scaling.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)


def test_a_group_stays_as_it_was_made_when_its_size_changes(client: Any, group: str) -> None:
    scaling = client("autoscaling")
    scaling.update_auto_scaling_group(AutoScalingGroupName=group, MinSize=1)
    (found,) = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"]
    assert found["MixedInstancesPolicy"]["InstancesDistribution"]["OnDemandBaseCapacity"] == 1
    assert found["DefaultInstanceWarmup"] == 240 and len(found["Instances"]) == 1
    scaling.update_auto_scaling_group(AutoScalingGroupName=group, DefaultInstanceWarmup=60)
    (found,) = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"]
    assert found["DefaultInstanceWarmup"] == 60


def test_a_group_s_instances_are_what_the_template_says(client: Any, group: str) -> None:
    # One on demand, half of the other one on Spot: two all the same.
    client("autoscaling").set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=2)
    filters = [{"Name": "tag:aws:autoscaling:groupName", "Values": [group]}]
    found = [it for r in client("ec2").describe_instances(Filters=filters)["Reservations"] for it in r["Instances"]]
    assert len(found) == 2
    for it in found:
        assert it["IamInstanceProfile"]["Arn"].endswith(f"/{group}")
        assert it["MetadataOptions"]["HttpTokens"] == "required"
        assert it["MetadataOptions"]["InstanceMetadataTags"] == "enabled"
        assert it["Monitoring"]["State"] == "enabled"


def test_an_instance_that_is_scaled_in_leaves_its_target_group(client: Any, group: str) -> None:
    elb, scaling = client("elbv2"), client("autoscaling")
    vpc = client("ec2").describe_subnets()["Subnets"][0]["VpcId"]
    (made,) = elb.create_target_group(Name="left", Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"]
    arn = made["TargetGroupArn"]
    scaling.attach_load_balancer_target_groups(AutoScalingGroupName=group, TargetGroupARNs=[arn])

    def scale(count: int) -> tuple[set[str], set[str]]:
        """The group's instances and the targets afterwards."""
        scaling.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=count)
        (found,) = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"]
        health = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        return {it["InstanceId"] for it in found["Instances"]}, {it["Target"]["Id"] for it in health}

    for count in (2, 1):
        instances, targets = scale(count)
        assert len(instances) == count and targets == instances


def test_a_template_s_own_tags_are_not_those_that_it_gives(client: Any, template: str) -> None:
    (version,) = client("ec2").describe_launch_template_versions(LaunchTemplateId=template)["LaunchTemplateVersions"]
    given = version["LaunchTemplateData"]["TagSpecifications"]
    assert given == [{"ResourceType": "instance", "Tags": [{"Key": "Given", "Value": "2"}]}]
    (own,) = client("ec2").describe_launch_templates(LaunchTemplateIds=[template])["LaunchTemplates"]
    assert own["Tags"] == [{"Key": "Own", "Value": "1"}]


def test_a_hook_has_the_target_that_it_was_given(client: Any, group: str) -> None:
    scaling = client("autoscaling")
    known = {"AutoScalingGroupName": group, "LifecycleHookName": "launch"}
    scaling.put_lifecycle_hook(**known, LifecycleTransition="autoscaling:EC2_INSTANCE_LAUNCHING")
    (found,) = scaling.describe_lifecycle_hooks(AutoScalingGroupName=group)["LifecycleHooks"]
    assert "NotificationTargetARN" not in found and "RoleARN" not in found
    target = {"NotificationTargetARN": "arn:aws:sns:::t", "RoleARN": "arn:aws:iam::1:role/r"}
    scaling.put_lifecycle_hook(**known, **target, LifecycleTransition="autoscaling:EC2_INSTANCE_LAUNCHING")
    (found,) = scaling.describe_lifecycle_hooks(AutoScalingGroupName=group)["LifecycleHooks"]
    assert target.items() <= found.items()


@pytest.mark.parametrize("asked", [{}, {"Enabled": False}])
def test_a_scaling_policy_is_enabled_unless_it_was_made_otherwise(
    client: Any, group: str, asked: dict[str, bool]
) -> None:
    scaling = client("autoscaling")
    metric = {"PredefinedMetricType": "ASGAverageCPUUtilization"}
    scaling.put_scaling_policy(
        AutoScalingGroupName=group, PolicyName="cpu", PolicyType="TargetTrackingScaling",
        TargetTrackingConfiguration={"PredefinedMetricSpecification": metric, "TargetValue": 60.0}, **asked,
    )  # fmt: skip
    (found,) = scaling.describe_policies(AutoScalingGroupName=group)["ScalingPolicies"]
    assert found["Enabled"] is asked.get("Enabled", True) and "PredictiveScalingConfiguration" not in found


def test_a_rule_that_names_a_group_or_a_prefix_list_has_its_description(client: Any) -> None:
    ec2 = client("ec2")
    own, other = (ec2.create_security_group(GroupName=n, Description=n)["GroupId"] for n in ("own", "other"))
    prefixes = ec2.describe_managed_prefix_lists()["PrefixLists"][0]["PrefixListId"]
    sources = (
        {"UserIdGroupPairs": [{"GroupId": other, "Description": "the balancer"}]},
        {"PrefixListIds": [{"PrefixListId": prefixes, "Description": "S3"}]},
    )
    for port, source in enumerate(sources, 443):
        permission = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **source}
        ec2.authorize_security_group_ingress(GroupId=own, IpPermissions=[permission])
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [own]}])["SecurityGroupRules"]
    assert {it["Description"] for it in rules if not it["IsEgress"]} == {"the balancer", "S3"}


@pytest.fixture
def balancer(client: Any, request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    elb, name = client("elbv2"), request.node.name.replace("_", "-")[:30].strip("-")
    (made,) = elb.create_load_balancer(Name=name, Subnets=subnets(client))["LoadBalancers"]
    yield made
    elb.delete_load_balancer(LoadBalancerArn=made["LoadBalancerArn"])


def test_a_balancer_has_an_address_in_each_subnet(client: Any, balancer: dict[str, Any]) -> None:
    ec2, elb, arn = client("ec2"), client("elbv2"), balancer["LoadBalancerArn"]
    wanted = [{"Name": "description", "Values": [f"ELB {arn.partition(':loadbalancer/')[2]}"]}]

    def interfaces() -> dict[str, str]:
        found = ec2.describe_network_interfaces(Filters=wanted)["NetworkInterfaces"]
        return {it["SubnetId"]: it["PrivateIpAddress"] for it in found}

    first, second, third = subnets(client, 3)
    before = interfaces()
    assert before.keys() == {first, second} and len(set(before.values())) == 2
    elb.set_subnets(LoadBalancerArn=arn, Subnets=[second, third])
    assert interfaces().keys() == {second, third} and interfaces()[second] == before[second]
    elb.delete_load_balancer(LoadBalancerArn=arn)
    assert interfaces() == {}


def test_the_health_of_a_target_is_what_the_checks_see(client: Any, balancer: dict[str, Any], flags: Path) -> None:
    elb = client("elbv2")
    (made,) = elb.create_target_group(
        Name="seen", Protocol="HTTP", Port=80, VpcId=balancer["VpcId"], TargetType="ip"
    )["TargetGroups"]  # fmt: skip
    arn = made["TargetGroupArn"]
    elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": "172.31.0.9"}])

    def health() -> tuple[str, str | None]:
        (found,) = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        return found["TargetHealth"]["State"], found["TargetHealth"].get("Reason")

    file = flags / TARGET_HEALTH.name
    try:
        assert health() == ("healthy", None)
        file.write_text("{}")
        assert health() == ("unused", "Target.NotInUse")
        action = {"Type": "forward", "TargetGroupArn": arn}
        elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=80, DefaultActions=[action]
        )
        assert health() == ("initial", "Elb.RegistrationInProgress")
        seen = {"state": "unhealthy", "reason": "Target.Timeout", "description": "Request timed out"}
        file.write_text(json.dumps({arn: {"172.31.0.9": seen}}))
        assert health() == ("unhealthy", "Target.Timeout")
    finally:
        file.unlink()


def test_a_scalable_target_has_tags(client: Any) -> None:
    ecs, scaling = client("ecs"), client("application-autoscaling")
    ecs.create_cluster(clusterName="scaled")
    ecs.register_task_definition(family="t", containerDefinitions=[{"name": "c", "image": "i", "memory": 64}])
    ecs.create_service(cluster="scaled", serviceName="s", taskDefinition="t", desiredCount=0)
    arn = scaling.register_scalable_target(
        ServiceNamespace="ecs", ResourceId="service/scaled/s", ScalableDimension="ecs:service:DesiredCount",
        MinCapacity=0, MaxCapacity=1, Tags={"Project": "slipway"},
    )["ScalableTargetARN"]  # fmt: skip
    scaling.tag_resource(ResourceARN=arn, Tags={"Owner": "ml"})
    scaling.untag_resource(ResourceARN=arn, TagKeys=["Project"])
    assert scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"Owner": "ml"}


def test_a_service_keeps_what_it_was_made_with(client: Any) -> None:
    ecs = client("ecs")
    ecs.create_cluster(clusterName="kept")
    ecs.register_task_definition(family="k", containerDefinitions=[{"name": "c", "image": "i", "memory": 64}])
    strategy = [{"capacityProvider": "FARGATE", "base": 1, "weight": 50}]
    ecs.create_service(
        cluster="kept", serviceName="s", taskDefinition="k", desiredCount=1, capacityProviderStrategy=strategy,
        enableExecuteCommand=True, enableECSManagedTags=True, healthCheckGracePeriodSeconds=60,
    )  # fmt: skip
    (found,) = ecs.describe_services(cluster="kept", services=["s"])["services"]
    assert found["capacityProviderStrategy"] == strategy and "launchType" not in found
    assert found["enableExecuteCommand"] is True and found["enableECSManagedTags"] is True
    assert found["healthCheckGracePeriodSeconds"] == 60


def test_a_domain_of_an_api_becomes_available(client: Any) -> None:
    api = client("apigatewayv2")
    made = api.create_domain_name(
        DomainName="api.example.com", DomainNameConfigurations=[{"CertificateArn": "arn:aws:acm:::certificate/1"}]
    )
    (found,) = api.get_domain_name(DomainName="api.example.com")["DomainNameConfigurations"]
    assert found["DomainNameStatus"] == "AVAILABLE" and "execute-api" in found["ApiGatewayDomainName"]
    assert found["HostedZoneId"] and not made.get("MutualTlsAuthentication")


def test_a_function_keeps_its_logging_and_has_no_image_configuration(client: Any) -> None:
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}}]}
    role = client("iam").create_role(RoleName="f", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    functions, logging = client("lambda"), {"LogFormat": "JSON", "LogGroup": "/slipway/app"}
    image = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/i@sha256:" + "0" * 64
    functions.create_function(
        FunctionName="f", Role=role, PackageType="Image", Code={"ImageUri": image}, LoggingConfig=logging
    )
    found = functions.get_function_configuration(FunctionName="f")
    assert found["LoggingConfig"] == logging and "ImageConfigResponse" not in found
    functions.update_function_configuration(FunctionName="f", LoggingConfig={"LogFormat": "Text"})
    found = functions.get_function_configuration(FunctionName="f")
    assert found["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": "/aws/lambda/f"}
