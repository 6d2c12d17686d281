"""The patches of moto but for those of EC2, by the API: what AWS does and moto alone does not."""

from __future__ import annotations

import json
import socket
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from rehearsal.settings import ACCOUNT

from .conftest import REGION


def bucket(client: Any, name: str, *statements: dict[str, Any]) -> Any:
    s3 = client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))
    return s3


def test_a_bucket_that_refuses_plain_http_serves_over_tls(client: Any) -> None:
    """The rehearsal's API is reached over TLS; the request of this test stands for such a one."""
    refused = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::tls-only/*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    s3 = bucket(client, "tls-only", refused)
    s3.put_object(Bucket="tls-only", Key="a", Body=b"1")
    assert s3.get_object(Bucket="tls-only", Key="a")["Body"].read() == b"1"


def test_a_bucket_s_own_refusals_hold(client: Any) -> None:
    s3 = bucket(
        client,
        "closed",
        {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::closed/*"},
    )
    s3.put_object(Bucket="closed", Key="a", Body=b"1")
    with pytest.raises(s3.exceptions.ClientError, match="403"):
        s3.get_object(Bucket="closed", Key="a")


def logging(prefix: str) -> dict[str, Any]:
    return {"LoggingEnabled": {"TargetBucket": prefix.partition("/")[0], "TargetPrefix": prefix.partition("/")[2]}}


def test_access_logs_go_where_a_policy_s_pattern_lets_them(client: Any) -> None:
    lets_in = {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::access-logs/s3/*",
    }
    keep = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:DeleteBucket",
        "Resource": "arn:aws:s3:::access-logs",
    }
    s3 = bucket(client, "access-logs", keep, lets_in)
    s3.create_bucket(Bucket="logged", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_logging(Bucket="logged", BucketLoggingStatus=logging("access-logs/s3/logged/"))
    with pytest.raises(s3.exceptions.ClientError, match="InvalidTargetBucketForLogging"):
        s3.put_bucket_logging(Bucket="logged", BucketLoggingStatus=logging("access-logs/elsewhere/"))


def test_a_budget_is_read_back_with_its_subscribers_and_tags(client: Any) -> None:
    budgets = client("budgets")
    asked = {"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": 80.0}
    subscribers = [{"SubscriptionType": "EMAIL", "Address": "oncall@example.com"}]
    limit = {"Amount": "20", "Unit": "USD"}
    budgets.create_budget(
        AccountId=ACCOUNT,
        Budget={"BudgetName": "b", "BudgetLimit": limit, "TimeUnit": "MONTHLY", "BudgetType": "COST"},
        NotificationsWithSubscribers=[{"Notification": asked, "Subscribers": subscribers}],
        ResourceTags=[{"Key": "Project", "Value": "slipway"}],
    )
    known = {"AccountId": ACCOUNT, "BudgetName": "b", "Notification": asked | {"ThresholdType": "PERCENTAGE"}}
    assert budgets.describe_subscribers_for_notification(**known)["Subscribers"] == subscribers
    arn = f"arn:aws:budgets::{ACCOUNT}:budget/b"
    budgets.tag_resource(ResourceARN=arn, ResourceTags=[{"Key": "Owner", "Value": "ml"}])
    budgets.untag_resource(ResourceARN=arn, ResourceTagKeys=["Project"])
    assert budgets.list_tags_for_resource(ResourceARN=arn)["ResourceTags"] == [{"Key": "Owner", "Value": "ml"}]
    budgets.delete_notification(**known)
    with pytest.raises(budgets.exceptions.NotFoundException):
        budgets.describe_subscribers_for_notification(**known)


@pytest.fixture
def as_role(client: Any, address: str) -> Any:
    """Clients with the credentials of a new role with these statements."""

    def made(name: str, *statements: dict[str, Any]) -> Any:
        trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        policy = {"Version": "2012-10-17", "Statement": list(statements)}
        iam = client("iam")
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))["Role"]
        iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(policy))
        keys = client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="test")["Credentials"]
        given = {
            "aws_access_key_id": keys["AccessKeyId"],
            "aws_secret_access_key": keys["SecretAccessKey"],
            "aws_session_token": keys["SessionToken"],
        }
        return lambda service: boto3.client(service, region_name=REGION, endpoint_url=address, **given)

    return made


def test_a_role_may_do_what_its_policies_allow(client: Any, as_role: Any) -> None:
    client("ssm").put_parameter(Name="/dev/key", Value="1", Type="String")
    arn = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/dev/*"
    region = {"StringEquals": {"aws:RequestedRegion": REGION}}
    role = as_role(
        "reader", {"Effect": "Allow", "Action": ["ssm:GetParameter"], "Resource": [arn], "Condition": region}
    )
    assert role("ssm").get_parameter(Name="/dev/key")["Parameter"]["Value"] == "1"
    assert role("sts").get_caller_identity()["Arn"].endswith(":assumed-role/reader/test")
    with pytest.raises(ClientError) as denied:
        role("ssm").put_parameter(Name="/dev/key", Value="2", Type="String", Overwrite=True)
    assert denied.value.response["Error"]["Code"] == "AccessDeniedException", "by the JSON protocol"
    assert "assumed-role/reader/test is not authorized to perform: ssm:PutParameter" in str(denied.value)
    with pytest.raises(ClientError) as denied:
        role("ec2").describe_instances()
    assert denied.value.response["Error"]["Code"] == "AccessDenied"


def test_a_role_may_read_the_objects_that_its_policies_name(client: Any, as_role: Any) -> None:
    s3 = client("s3")
    for name in ("models", "other"):
        s3.create_bucket(Bucket=f"{name}-of-role", CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket=f"{name}-of-role", Key="a/b", Body=b"x")
    role = as_role(
        "objects", {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::models-of-role/*"}
    )
    assert role("s3").get_object(Bucket="models-of-role", Key="a/b")["Body"].read() == b"x"
    with pytest.raises(ClientError, match="AccessDenied"):
        role("s3").get_object(Bucket="other-of-role", Key="a/b")
    with pytest.raises(ClientError, match="AccessDenied"):
        role("s3").put_object(Bucket="models-of-role", Key="a/b", Body=b"y")


def test_every_third_request_is_throttled_while_the_flag_is_there(client: Any, flags: Path) -> None:
    impatient = client("ec2", config=Config(retries={"total_max_attempts": 1}))
    (flags / "throttled").touch()
    try:
        codes = []
        for _ in range(6):
            try:
                impatient.describe_vpcs()
                codes.append("")
            except ClientError as error:
                codes.append(error.response["Error"]["Code"])
        assert codes == ["", "", "RequestLimitExceeded"] * 2
        # The next one is the third; of another client, or another address, it is the first.
        impatient.describe_vpcs()
        impatient.describe_vpcs()
        other = client("ec2", config=Config(retries={"total_max_attempts": 1}, user_agent="APN/1.0 HashiCorp/1.0"))
        assert other.describe_vpcs()["Vpcs"]
        assert client("s3", config=Config(retries={"total_max_attempts": 1})).list_buckets()["Buckets"] is not None
        # As every client of AWS, boto3 tries again.
        assert all(client("ec2").describe_vpcs()["Vpcs"] for _ in range(3))
    finally:
        (flags / "throttled").unlink()
    assert all(impatient.describe_vpcs()["Vpcs"] for _ in range(6))


def test_a_backup_plan_has_selections_and_a_vault_has_notifications(client: Any) -> None:
    backup = client("backup")
    backup.create_backup_vault(BackupVaultName="vault")
    rule = {"RuleName": "daily", "TargetBackupVaultName": "vault"}
    plan = backup.create_backup_plan(BackupPlan={"BackupPlanName": "plan", "Rules": [rule]})["BackupPlanId"]
    wanted = {"SelectionName": "hosts", "IamRoleArn": f"arn:aws:iam::{ACCOUNT}:role/backup", "Resources": ["*"]}
    made = backup.create_backup_selection(BackupPlanId=plan, BackupSelection=wanted)["SelectionId"]
    assert backup.get_backup_selection(BackupPlanId=plan, SelectionId=made)["BackupSelection"] == wanted
    (listed,) = backup.list_backup_selections(BackupPlanId=plan)["BackupSelectionsList"]
    assert (listed["SelectionId"], listed["SelectionName"]) == (made, "hosts")
    backup.delete_backup_selection(BackupPlanId=plan, SelectionId=made)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        backup.get_backup_selection(BackupPlanId=plan, SelectionId=made)

    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:alarms"
    events = ["BACKUP_JOB_FAILED"]
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        backup.get_backup_vault_notifications(BackupVaultName="vault")
    backup.put_backup_vault_notifications(BackupVaultName="vault", SNSTopicArn=topic, BackupVaultEvents=events)
    found = backup.get_backup_vault_notifications(BackupVaultName="vault")
    assert (found["SNSTopicArn"], found["BackupVaultEvents"]) == (topic, events)
    backup.delete_backup_vault_notifications(BackupVaultName="vault")


def test_the_rules_of_a_replication_are_read_as_they_were_put(client: Any) -> None:
    s3 = client("s3")
    place = {"CreateBucketConfiguration": {"LocationConstraint": REGION}}
    for name in ("from", "to"):
        s3.create_bucket(Bucket=f"replication-{name}", **place)
        s3.put_bucket_versioning(Bucket=f"replication-{name}", VersioningConfiguration={"Status": "Enabled"})
    rule = {
        "ID": "everything", "Priority": 1, "Status": "Enabled", "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": "Enabled"},
        "SourceSelectionCriteria": {"SseKmsEncryptedObjects": {"Status": "Enabled"}},
        "Destination": {"Bucket": "arn:aws:s3:::replication-to"},
    }  # fmt: skip
    role = f"arn:aws:iam::{ACCOUNT}:role/replication"
    s3.put_bucket_replication(Bucket="replication-from", ReplicationConfiguration={"Role": role, "Rules": [rule]})
    found = s3.get_bucket_replication(Bucket="replication-from")["ReplicationConfiguration"]
    assert found == {"Role": role, "Rules": [rule]}


def test_policies_of_the_lifecycle_manager_come_change_and_go(client: Any) -> None:
    dlm = client("dlm")
    details = {"ResourceTypes": ["INSTANCE"], "TargetTags": [{"Key": "a", "Value": "b"}]}
    role = f"arn:aws:iam::{ACCOUNT}:role/dlm"
    key = dlm.create_lifecycle_policy(
        ExecutionRoleArn=role, Description="d", State="ENABLED", PolicyDetails=details, Tags={"k": "v"}
    )["PolicyId"]
    made = dlm.get_lifecycle_policy(PolicyId=key)["Policy"]
    assert (made["PolicyDetails"], made["ExecutionRoleArn"]) == (details, role)
    dlm.tag_resource(ResourceArn=made["PolicyArn"], Tags={"q": "r"})
    dlm.untag_resource(ResourceArn=made["PolicyArn"], TagKeys=["k"])
    assert dlm.list_tags_for_resource(ResourceArn=made["PolicyArn"])["Tags"] == {"q": "r"}
    dlm.update_lifecycle_policy(PolicyId=key, State="DISABLED")
    assert [(it["PolicyId"], it["State"]) for it in dlm.get_lifecycle_policies()["Policies"]] == [(key, "DISABLED")]
    dlm.delete_lifecycle_policy(PolicyId=key)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        dlm.get_lifecycle_policy(PolicyId=key)


def test_creation_templates_of_repositories_come_change_and_go(client: Any) -> None:
    ecr = client("ecr")
    ecr.create_repository_creation_template(prefix="copies", appliedFor=["REPLICATION"], lifecyclePolicy="{}")
    with pytest.raises(ClientError, match="TemplateAlreadyExistsException"):
        ecr.create_repository_creation_template(prefix="copies", appliedFor=["REPLICATION"])
    ecr.update_repository_creation_template(prefix="copies", imageTagMutability="IMMUTABLE")
    (found,) = ecr.describe_repository_creation_templates(prefixes=["copies"])["repositoryCreationTemplates"]
    assert (found["lifecyclePolicy"], found["imageTagMutability"]) == ("{}", "IMMUTABLE")
    assert found["encryptionConfiguration"] == {"encryptionType": "AES256"}
    ecr.delete_repository_creation_template(prefix="copies")
    with pytest.raises(ClientError, match="TemplateNotFoundException"):
        ecr.describe_repository_creation_templates(prefixes=["copies"])


@pytest.mark.parametrize("end", ["", "/"])
def test_a_backup_vault_is_found_with_and_without_a_slash(address: str, client: Any, end: str) -> None:
    name = f"tagged{len(end)}"
    made = client("backup").create_backup_vault(BackupVaultName=name, BackupVaultTags={"a": "b"})
    key = f"test/20261129/{REGION}/backup/aws4_request"
    headers = {"Authorization": f"AWS4-HMAC-SHA256 Credential={key}, SignedHeaders=host, Signature=0"}
    for path, answered in (
        (f"/tags/{quote(made['BackupVaultArn'], safe='')}", {"Tags": {"a": "b"}}),
        (f"/backup-vaults/{name}/recovery-points", {"RecoveryPoints": []}),
    ):
        request = urllib.request.Request(address + path + end, headers=headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert json.load(answer) == answered


def connect(address: str) -> socket.socket:
    host, _, port = address.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=10)


def head(body: bytes, *more: str) -> bytes:
    """The first lines of a request to EC2 with this body."""
    key = f"test/20261129/{REGION}/ec2/aws4_request"
    lines = [
        "POST / HTTP/1.1",
        "Host: ec2.amazonaws.com",
        f"Authorization: AWS4-HMAC-SHA256 Credential={key}, SignedHeaders=host, Signature=0",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(body)}",
        *more,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


BODY = b"Action=DescribeVpcs&Version=2016-11-15"


def test_an_answer_comes_in_one_piece(address: str) -> None:
    """Headers and body together: see rehearsal/cloud.py."""
    for _ in range(10):
        with connect(address) as connection:
            connection.sendall(head(BODY) + BODY)
            assert connection.recv(1 << 20).rstrip().endswith(b"</DescribeVpcsResponse>")


def test_a_client_that_waits_for_permission_gets_it_before_the_body(address: str) -> None:
    with connect(address) as connection:
        connection.sendall(head(BODY, "Expect: 100-continue"))
        assert connection.recv(1 << 20) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(BODY)
        assert b"HTTP/1.1 200 OK" in connection.recv(1 << 20)
