"""The patches of EC2 in moto, by the API: what AWS does and moto alone does not."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from botocore.exceptions import ClientError


@pytest.mark.parametrize(
    ("parameter", "image"),
    [
        ("/aws/service/debian/release/12/latest/amd64", "debian-12-amd64"),
        ("/aws/service/debian/release/13/latest/arm64", "debian-13-arm64"),
        (
            "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id",
            "ubuntu-24.04-amd64",
        ),
    ],
)
def test_vendors_name_their_latest_image(client: Any, parameter: str, image: str) -> None:
    ami = client("ssm").get_parameter(Name=parameter)["Parameter"]["Value"]
    (found,) = client("ec2").describe_images(ImageIds=[ami])["Images"]
    assert found["Name"] == image and found["RootDeviceType"] == "ebs"


def launch(client: Any, group: str) -> tuple[str, str]:
    """An instance with a public address, and its security group."""
    ec2 = client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]
    group_id = ec2.create_security_group(GroupName=group, Description=group, VpcId=subnet["VpcId"])["GroupId"]
    interface = {
        "DeviceIndex": 0,
        "SubnetId": subnet["SubnetId"],
        "Groups": [group_id],
        "AssociatePublicIpAddress": True,
    }
    image = client("ssm").get_parameter(Name="/aws/service/debian/release/12/latest/amd64")["Parameter"]["Value"]
    made = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, NetworkInterfaces=[interface])
    return made["Instances"][0]["InstanceId"], group_id


def test_an_elastic_address_stays_while_its_instance_is_stopped(client: Any) -> None:
    ec2 = client("ec2")
    instance, _ = launch(client, "elastic")
    made = ec2.allocate_address(Domain="vpc")
    ec2.associate_address(InstanceId=instance, AllocationId=made["AllocationId"])

    def public_address() -> str:
        found = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
        return str(found.get("PublicIpAddress"))

    ec2.stop_instances(InstanceIds=[instance])
    assert public_address() == made["PublicIp"]
    ec2.start_instances(InstanceIds=[instance])
    assert public_address() == made["PublicIp"]
    ec2.terminate_instances(InstanceIds=[instance])
    (left,) = ec2.describe_addresses(AllocationIds=[made["AllocationId"]])["Addresses"]
    assert "AssociationId" not in left and not left.get("InstanceId")


def test_an_instance_is_in_the_groups_of_its_interface_and_a_reboot_shows(client: Any) -> None:
    ec2 = client("ec2")
    instance, group = launch(client, "g")
    ids = [instance]

    def described() -> dict[str, Any]:
        found: dict[str, Any] = ec2.describe_instances(InstanceIds=ids)["Reservations"][0]["Instances"][0]
        return found

    assert [g["GroupId"] for g in described()["SecurityGroups"]] == [group]
    before = described()["StateTransitionReason"]
    ec2.reboot_instances(InstanceIds=ids)
    assert described()["StateTransitionReason"].startswith("User initiated reboot") and before == ""
    assert described()["State"]["Name"] == "running"
    (own,) = described()["NetworkInterfaces"]
    ec2.terminate_instances(InstanceIds=ids)
    left = [it["NetworkInterfaceId"] for it in ec2.describe_network_interfaces()["NetworkInterfaces"]]
    assert own["NetworkInterfaceId"] not in left


def test_public_addresses_are_nobody_s(client: Any) -> None:
    address = client("ec2").allocate_address(Domain="vpc")["PublicIp"]
    assert ipaddress.ip_address(address) in ipaddress.ip_network("198.18.0.0/15")


def test_detailed_monitoring_is_switched_on_and_off(client: Any) -> None:
    ec2 = client("ec2")
    (made,) = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)["Instances"]
    ids = [made["InstanceId"]]

    def state() -> str:
        (reservation,) = ec2.describe_instances(InstanceIds=ids)["Reservations"]
        return str(reservation["Instances"][0]["Monitoring"]["State"])

    assert state() == "disabled"
    (said,) = ec2.monitor_instances(InstanceIds=ids)["InstanceMonitorings"]
    assert said == {"InstanceId": ids[0], "Monitoring": {"State": "enabled"}} and state() == "enabled"
    ec2.unmonitor_instances(InstanceIds=ids)
    assert state() == "disabled"


@pytest.mark.parametrize("asked", ["standard", "unlimited"])
def test_an_instance_has_the_cpu_credits_that_it_asked_for(client: Any, asked: str) -> None:
    ec2 = client("ec2")
    (made,) = ec2.run_instances(
        ImageId="ami-12c6146b", InstanceType="t3.small", MinCount=1, MaxCount=1,
        CreditSpecification={"CpuCredits": asked},
    )["Instances"]  # fmt: skip
    (found,) = ec2.describe_instance_credit_specifications(InstanceIds=[made["InstanceId"]])[
        "InstanceCreditSpecifications"
    ]
    assert found["CpuCredits"] == asked


@pytest.mark.parametrize("asked", [True, False])
def test_an_instance_is_protected_as_it_was_asked_for(client: Any, asked: bool) -> None:
    ec2 = client("ec2")
    (made,) = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1, DisableApiTermination=asked)[
        "Instances"
    ]
    key = made["InstanceId"]
    found = ec2.describe_instance_attribute(InstanceId=key, Attribute="disableApiTermination")
    assert found["DisableApiTermination"] == {"Value": asked}
    if asked:
        with pytest.raises(ClientError, match="OperationNotPermitted"):
            ec2.terminate_instances(InstanceIds=[key])
        ec2.modify_instance_attribute(InstanceId=key, DisableApiTermination={"Value": False})
    ec2.terminate_instances(InstanceIds=[key])


def test_a_nat_gateway_takes_its_interface_with_it(client: Any) -> None:
    ec2 = client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    made = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]
    own = made["NatGatewayAddresses"][0]["NetworkInterfaceId"]

    def interfaces() -> list[str]:
        return [it["NetworkInterfaceId"] for it in ec2.describe_network_interfaces()["NetworkInterfaces"]]

    assert own in interfaces()
    ec2.delete_nat_gateway(NatGatewayId=made["NatGatewayId"])
    assert own not in interfaces()
    ec2.release_address(AllocationId=address)
