"""What must hold of every environment in every topology, read from its plan."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import Planned

OPEN = {"0.0.0.0/0", "::/0"}
# Statements whose resource is "*", each with the reason that modules/iam gives it. In a key policy "*" is the key.
WILDCARDS = {
    "RegistryLogin",
    "PublishMetrics",
    "SessionChannels",
    "RunCommandMessages",
    "ReadSecretsTogether",
    "FindHosts",
    "SeeWhetherKeysAreIn",
    "ReadTaskDefinition",
    "TaskShell",
    "FindLogGroups",
    "FindZones",
    "SendTraces",
    "FootInTheVpc",
}


def statements(planned: Planned) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement of every policy that is known in the plan, with its resource's address."""
    for address, r in planned.all().items():
        for name in ("policy", "assume_role_policy"):
            text = r.get(name)
            if isinstance(text, str) and text.startswith("{"):
                for statement in json.loads(text).get("Statement", []):
                    yield address, statement


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_only_the_web_is_open_to_the_world(planned: Planned) -> None:
    for address, r in planned.all("aws_vpc_security_group_ingress_rule").items():
        if {r.get("cidr_ipv4"), r.get("cidr_ipv6")} & OPEN:
            assert r["from_port"] == r["to_port"] and r["from_port"] in (80, 443), f"{address} is open to the world"
    for address, r in planned.all("aws_default_security_group").items():
        assert not r["ingress"] and not r["egress"], f"{address} must allow nothing"


def test_instance_credentials_are_guarded(planned: Planned) -> None:
    for address, r in planned.all("aws_instance", "aws_launch_template").items():
        options = r["metadata_options"][0]
        assert options["http_tokens"] == "required" and options["http_put_response_hop_limit"] == 1, address


def test_every_bucket_has_its_three_protections(planned: Planned) -> None:
    buckets = {a.split(".aws_s3_bucket.")[1] for a in planned.all("aws_s3_bucket")}
    assert buckets
    for kind in ("versioning", "server_side_encryption_configuration", "public_access_block"):
        kept = {a.split(f".aws_s3_bucket_{kind}.")[1] for a in planned.all(f"aws_s3_bucket_{kind}")}
        assert kept == buckets, f"{kind} is missing for {buckets - kept}"
    for address, r in planned.all("aws_s3_bucket_public_access_block").items():
        assert all(
            r[k] for k in ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
        ), address
    for address, r in planned.all("aws_s3_bucket_versioning").items():
        assert r["versioning_configuration"][0]["status"] == "Enabled", address


def test_no_statement_is_for_everything_without_a_reason(planned: Planned) -> None:
    seen = 0
    for address, s in statements(planned):
        if s["Effect"] != "Allow" or "Resource" not in s:
            continue
        seen += 1
        assert not any(a in ("*", "iam:*", "s3:*") for a in listed(s["Action"])), (
            f"{address} {s.get('Sid')}: any action"
        )
        if "*" in listed(s["Resource"]) and ".aws_kms_key." not in address:
            assert s.get("Sid") in WILDCARDS, (
                f"{address}: {s.get('Sid')} is for every resource, without a listed reason"
            )
    assert seen > 3


def test_nobody_is_trusted_without_a_name(planned: Planned) -> None:
    for address, s in statements(planned):
        principal = s.get("Principal")
        if s["Effect"] == "Allow" and principal is not None:
            everybody = principal == "*" or "*" in listed(principal.get("AWS", ""))
            # A key policy cannot name a service-linked role that does not exist yet: the conditions name it.
            named = {"kms:CallerAccount", "aws:PrincipalArn"} <= {k for c in s.get("Condition", {}).values() for k in c}
            assert not everybody or named, f"{address} trusts everybody"


def test_copies_are_made_in_the_second_region(planned: Planned) -> None:
    modules = planned.plan["configuration"]["root_module"]["module_calls"]
    copies = {
        f"{m}.{r['address']}": r["provider_config_key"]
        for m in ("storage", "backup", "registry", "kms_replica")
        for r in modules[m]["module"]["resources"]
        if r["mode"] == "managed" and (r["name"] in ("replica", "copy") or m == "kms_replica")
    }
    assert len(copies) > 7 and {k.rpartition(":")[2] for k in copies.values()} == {"aws.replica"}, copies


def test_everything_kept_is_encrypted(planned: Planned) -> None:
    for address, r in planned.all("aws_instance").items():
        assert r["root_block_device"][0]["encrypted"], address
    for address, r in planned.all("aws_launch_template").items():
        assert all(d["ebs"][0]["encrypted"] in (True, "true") for d in r["block_device_mappings"]), address
    for address, r in planned.all("aws_db_instance").items():
        assert r["storage_encrypted"], address
    for address, r in planned.all("aws_ecr_repository").items():
        assert (
            r["encryption_configuration"][0]["encryption_type"] == "KMS" and r["image_tag_mutability"] == "IMMUTABLE"
        ), address
    for address, r in planned.all("aws_s3_bucket_server_side_encryption_configuration").items():
        assert r["rule"][0]["apply_server_side_encryption_by_default"][0]["sse_algorithm"] in ("AES256", "aws:kms"), (
            address
        )
    for address, r in planned.all("aws_lb_listener").items():
        assert r["protocol"] == "HTTPS" or r["default_action"][0]["type"] == "redirect", f"{address} speaks plainly"


def test_our_own_key_is_used_where_there_is_one(planned: Planned) -> None:
    if not planned.all("aws_kms_key"):
        return
    for kind, name in (
        ("aws_cloudwatch_log_group", "kms_key_id"),
        ("aws_sns_topic", "kms_master_key_id"),
        ("aws_instance", "root_block_device"),
    ):
        for address, r in planned.all(kind).items():
            known = r.get(name)
            assert known or planned.unknown(address).get(name), f"{address} is not encrypted by the environment's key"


def test_every_log_ends(planned: Planned) -> None:
    groups = planned.all("aws_cloudwatch_log_group")
    assert groups
    for address, r in groups.items():
        assert r["retention_in_days"], f"{address} is kept for ever"


def test_every_alarm_does_something(planned: Planned) -> None:
    alarms = planned.all("aws_cloudwatch_metric_alarm")
    assert alarms
    for address, r in alarms.items():
        assert r.get("alarm_actions") or planned.unknown(address).get("alarm_actions"), f"{address} is told to nobody"


def test_every_alarm_has_data(planned: Planned) -> None:
    """No role installs an agent on the hosts yet, so only what AWS measures can alarm; a quiet night is no fault."""
    for address, r in planned.all("aws_cloudwatch_metric_alarm").items():
        for metric in [r, *(q["metric"][0] for q in r.get("metric_query") or [] if q["metric"])]:
            assert metric["namespace"] is None or metric["namespace"] != "Slipway", f"{address}: nobody publishes that"
        silent = r["treat_missing_data"] == "breaching"
        assert not (silent and "RequestCount" in (r["metric_name"] or "")), f"{address} is red when nobody asks"


def test_a_zone_that_was_there_gets_the_services_name_alone(planned: Planned) -> None:
    """Validation records of a certificate, whose type is not known yet, are below that name."""
    for address, r in planned.all("aws_route53_record").items():
        assert r.get("type", "CNAME") in ("A", "CNAME"), f"{address} says what holds for others as well"


def test_no_cost_tag_is_switched_on_before_billing_knows_it(planned: Planned) -> None:
    assert not planned.all("aws_ce_cost_allocation_tag")


def depends_on(planned: Planned, module: str, kind: str, name: str) -> set[str]:
    """What a module's resource, or its output (kind `output`), waits for by name."""
    code = planned.plan["configuration"]["root_module"]["module_calls"][module]["module"]
    if kind == "output":
        return set(code["outputs"][name].get("depends_on", []))
    found = next(r for r in code["resources"] if (r["type"], r["name"]) == (kind, name))
    return set(found.get("depends_on", []))


def test_a_hosts_first_boot_finds_its_way_out(planned: Planned) -> None:
    """It downloads packages and speaks to Systems Manager: address, route, firewall and rights come before it."""
    for address, r in planned.all("aws_instance").items():
        assert r["associate_public_ip_address"], f"{address}: the elastic IP comes after the boot has begun"
    assert "aws_vpc_security_group_egress_rule.out" in depends_on(planned, "host", "aws_instance", "this")
    assert depends_on(planned, "network", "output", "public_subnet_ids") >= {
        "aws_route.public",
        "aws_route_table_association.public",
    }
    assert depends_on(planned, "network", "output", "private_subnet_ids")
    assert depends_on(planned, "iam", "output", "instance_profile") == {"aws_iam_role_policy.this"}
    assert depends_on(planned, "storage", "aws_s3_bucket_logging", "this") == {"aws_s3_bucket_policy.logs"}


def test_a_target_group_is_joined_once_a_listener_uses_it(planned: Planned) -> None:
    """ECS refuses one without a load balancer, and the listener waits for its certificate."""
    for name in ("target_group_arns", "target_group_suffixes"):
        assert depends_on(planned, "load_balancer", "output", name) == {"aws_lb_listener.https"}


def test_what_is_built_here_runs_there(planned: Planned) -> None:
    for r in planned.all("aws_instance").values():
        assert r["instance_type"].startswith("t3.")
    for r in planned.all("aws_launch_template").values():
        assert r["instance_type"].startswith("t3.")
    for r in planned.all("aws_ecs_task_definition").values():
        assert r["runtime_platform"][0]["cpu_architecture"] == "X86_64"
    for r in planned.all("aws_lambda_function").values():
        assert r["architectures"] == ["x86_64"]


def test_hosts_may_tell_the_topic_of_the_alarms(planned: Planned) -> None:
    if 'module.iam.aws_iam_role_policy.this["host"]' not in planned.all("aws_iam_role_policy"):
        return
    allowed = [it["Resource"] for _, it in statements(planned) if it.get("Sid") == "TellOfRollouts"]
    (topic,) = planned.all("aws_sns_topic").values()
    assert [it.rpartition(":")[2] for it in allowed] == [topic["name"]]


def test_a_host_may_use_the_bucket_of_its_backups(planned: Planned) -> None:
    buckets = [it["bucket"] for address, it in planned.all("aws_s3_bucket").items() if address.endswith('["backups"]')]
    allowed = [it["Resource"] for _, it in statements(planned) if it.get("Sid") == "StoreAndRestoreBackups"]
    assert allowed == [f"arn:aws:s3:::{bucket}/hosts/*" for bucket in buckets]
    assert len(buckets) == (planned.topology == "single")


def test_everything_is_tagged(planned: Planned) -> None:
    for address, r in planned.all().items():
        if "tags_all" in r and r["tags_all"] is not None:
            assert (
                r["tags_all"].items()
                >= {
                    "Project": "slipway",
                    "Environment": f"slipway-{planned.env}",
                    "Topology": planned.topology,
                    "ManagedBy": "terraform",
                }.items()
            ), address


def test_a_bad_ecs_deployment_is_taken_back(planned: Planned) -> None:
    services = planned.all("aws_ecs_service")
    assert bool(services) == (planned.topology == "ecs")
    for address, r in services.items():
        breaker = r["deployment_circuit_breaker"][0]
        assert breaker["enable"] and breaker["rollback"], address
        assert sum(s["weight"] for s in r["capacity_provider_strategy"]) == 100, f"{address}: weights must sum to 100"


def test_weights_sum_to_a_hundred(planned: Planned) -> None:
    for address, r in planned.all("aws_lb_listener").items():
        for forward in r["default_action"][0]["forward"]:
            assert sum(g["weight"] for g in forward["target_group"]) == 100, address


def test_nat_is_as_dear_as_the_environment_says(planned: Planned) -> None:
    private = planned.topology in ("fleet", "ecs")
    wanted = {"dev": 1, "staging": 1, "prod": 3}[planned.env] if private else 0
    assert len(planned.all("aws_nat_gateway")) == wanted


def test_prod_is_protected_and_dev_leaves_nothing(planned: Planned) -> None:
    protected = planned.env == "prod"
    for address, r in planned.all("aws_lb").items():
        assert r["enable_deletion_protection"] is protected, address
    for address, r in planned.all("aws_instance").items():
        assert r["disable_api_termination"] is protected, address
    for kind, name in (
        ("aws_s3_bucket", "force_destroy"),
        ("aws_ecr_repository", "force_delete"),
        ("aws_backup_vault", "force_destroy"),
    ):
        for address, r in planned.all(kind).items():
            assert r[name] is not protected, address
    assert bool(planned.all("terraform_data").get("terraform_data.guard[0]")) is protected


@pytest.mark.parametrize("word", ["password", "secret_string", "auth_token"])
def test_no_secret_is_in_the_plan(planned: Planned, word: str) -> None:
    for address, r in planned.all().items():
        assert not r.get(word), f"{address} has a {word}"
