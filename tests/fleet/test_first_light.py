"""First light, a rollout, a rollback, a notice and a reboot on Debian 13."""

from __future__ import annotations

import json

import pytest

from tests.harness import lab

AWS_CONFIG = f"""
[default]
endpoint_url = {lab.AWS["AWS_ENDPOINT_URL"]}
ca_bundle = /etc/ssl/certs/ca-certificates.crt
aws_access_key_id = {lab.AWS["AWS_ACCESS_KEY_ID"]}
aws_secret_access_key = {lab.AWS["AWS_SECRET_ACCESS_KEY"]}
"""


def test_make_deploy_and_verify() -> None:
    lab.good(lab.make("deploy"))
    assert "trixie" in lab.on_host("cat", "/etc/os-release")
    lab.predicts_right()
    lab.good(lab.make("verify"))


def test_a_second_converge_changes_nothing() -> None:
    recap = lab.good(lab.play("site.yml")).recap
    assert {host: counts["changed"] for host, counts in recap.items()} == dict.fromkeys(
        ("inference-1", "inference-2", "inference-3"), 0
    )


def test_a_rollout_and_a_rollback_fail_no_request(request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("load")
    lab.good(lab.deploy("v2.0.0"))
    lab.good(lab.play("playbooks/rollback.yml", *lab.LIMIT))
    assert lab.live_version() == "v1.0.0"


def test_a_topic_is_told() -> None:
    """By the hook that the role brings, with what it needs; Debian 12's boto3 could not be led to the stand-in."""
    sns, sqs = lab.aws("sns"), lab.aws("sqs")
    topic, queue = sns.create_topic(Name="rollouts")["TopicArn"], sqs.create_queue(QueueName="rollouts")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    words = ("--tags", "release", "--skip-tags", "rollout", "-e", f"release_notify_sns_topic={topic}")
    recap = lab.good(lab.play("site.yml", *lab.LIMIT, *words)).recap
    assert recap[lab.HOST]["changed"] > 0
    # What a host of AWS has by its role.
    lab.on_host("mkdir", "-p", "/root/.aws")
    lab.write("/root/.aws/config", AWS_CONFIG)
    try:
        result = json.loads(lab.on_host("releasectl", "rollback", "--to", "v2.0.0", "--reason", "slow", "--json"))
        assert result["warnings"] == []
        (message,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
        document = json.loads(message["Body"])
        assert (document["hook"], document["reason"]) == ("post-rollback", "slow")
        assert "v2.0.0 is live, was v1.0.0 (rollback by " in document["text"]
        lab.on_host("releasectl", "rollback", "--to", "v1.0.0")
    finally:
        sqs.delete_queue(QueueUrl=queue)
        lab.on_host("sh", "-c", "rm -rf /root/.aws /etc/slipway/inference/hooks/* /etc/slipway/inference/notify.json")
    assert lab.live_version() == "v1.0.0"


def test_a_rebooted_host_serves_again_without_a_person() -> None:
    lab.good(lab.run("docker", "restart", "--time", "60", lab.CONTAINER))
    lab.wait_until(lambda: lab.ask("/ready").status_code == 200, "the service is back", within_s=120)
    lab.predicts_right()
