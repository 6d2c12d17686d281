"""What a rehearsal refuses, writes and reports; no Docker and no Terraform."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rehearsal import __main__ as cli
from rehearsal import inside, operation, session, settings, steps, topologies
from rehearsal.machine import with_names
from rehearsal.settings import Place, Vpc
from rehearsal.shell import Failed, run
from rehearsal.terraform import EXAMPLE_KEYS, PROTECTION, Wanted, added_variables, refusal, wanted_of
from terraform.tools.plan import ANY_BUNDLE, ANY_IMAGE, TOPOLOGIES

DEV = Wanted("eu-central-1", "single", "debian-12", "x86_64", "api.dev.example.com", "dev.example.com", {
    "mode": "session_manager", "public_keys": ["ssh-ed25519 AAAA me@laptop"],
})  # fmt: skip
HOSTS = "127.0.0.1 localhost\n# BEGIN slipway lab\n172.30.99.3 registry\n# END slipway lab\n"


@pytest.mark.parametrize(
    ("wanted", "word"),
    [
        (DEV, ""),
        (replace(DEV, topology="fleet"), ""),
        (replace(DEV, topology="fleet", api=True), "api"),
        (replace(DEV, topology="serverless", api=True), ""),
        (replace(DEV, architecture="arm64"), "arm64"),
        (replace(DEV, os="ubuntu-24.04"), "ubuntu-24.04"),
        (replace(DEV, fqdn=None), "domain"),
        (replace(DEV, access={"mode": "ssh", "public_keys": []}), "access.mode"),
    ],
)
def test_what_cannot_be_played_is_refused_before_anything_is_made(wanted: Wanted, word: str) -> None:
    assert word in refusal(wanted) and bool(refusal(wanted)) == bool(word)


@pytest.mark.parametrize("create", [False, True])
def test_a_zone_that_terraform_makes_is_not_made_before(create: bool) -> None:
    said: dict[str, Any] = {
        "domain": {"zone": "example.com", "create_zone": create},
        "region": "eu-central-1", "topology": "single", "os": "debian-12", "architecture": "x86_64",
        "fqdn": "api.example.com", "access": {}, "ci": None, "api": False, "bundle": None, "image": None,
    }  # fmt: skip
    assert wanted_of(said).zone == (None if create else "example.com")


def test_the_rehearsal_s_key_comes_beside_the_user_s() -> None:
    given = added_variables(DEV, "ssh-ed25519 BBBB rehearsal")["access"]
    assert given["public_keys"] == ["ssh-ed25519 AAAA me@laptop", "ssh-ed25519 BBBB rehearsal"]
    assert given["mode"] == "session_manager"


def test_there_is_a_pipeline_whose_rights_the_playbooks_have() -> None:
    own = {"repository": "acme/api", "subjects": None}
    assert added_variables(replace(DEV, ci=own), "key")["ci"] == own
    assert added_variables(DEV, "key")["ci"] == {"repository": "example/slipway"}
    backend = {"bucket": "states", "key": "dev/terraform.tfstate", "region": "eu-central-1"}
    state = {"bucket": "states", "key": "dev/terraform.tfstate"}
    assert added_variables(replace(DEV, ci=own), "key", backend)["ci"] == own | {"state": state}


def test_every_example_leaves_its_keys_to_its_reader() -> None:
    for example in (settings.ROOT / "terraform" / "environments").glob("*/terraform.tfvars.example"):
        assert len(EXAMPLE_KEYS.findall(example.read_text())) == 1, example


def test_only_prod_is_protected_and_the_rehearsal_finds_both_switches() -> None:
    for env in ("dev", "staging", "prod"):
        text = (settings.ROOT / "terraform" / "environments" / env / "environment.tf").read_text()
        assert len(PROTECTION.findall(text)) == (2 if env == "prod" else 0)


def test_names_stand_in_a_block_of_their_own() -> None:
    written = with_names(HOSTS, {"api.dev.example.com": "198.18.0.1"})
    assert written == HOSTS + "# BEGIN slipway rehearsal\n198.18.0.1 api.dev.example.com\n# END slipway rehearsal\n"
    assert with_names(written, {"b.example.com": "198.18.0.2"}).count("# BEGIN slipway rehearsal") == 1
    assert with_names(written, {}) == HOSTS


def test_the_addresses_of_a_vpc_are_those_that_aws_keeps_or_seldom_gives() -> None:
    vpc = Vpc("vpc-1", "10.20.0.0/16")
    assert (vpc.router, vpc.resolver, vpc.aws) == ("10.20.0.1", "10.20.0.2", "10.20.255.253")
    assert len({vpc.router, vpc.resolver, vpc.aws, vpc.registry, vpc.acme}) == 5


def test_the_version_is_the_inventory_s() -> None:
    text = "---\nservices:\n  scoring: {version: v2.0.0}\n  inference: {version: v1.4.9}\n"
    assert steps.version_of(text, "inference") == "v1.4.9"
    for env in ("dev", "staging", "prod"):
        own = settings.ROOT / "inventory" / env / "group_vars" / "all" / "services.yml"
        assert steps.version_of(own.read_text(), "inference").startswith("v"), env


def rehearse(tmp_path: Path, *played: steps.Step) -> list[cli.Result]:
    class Here(Place):
        path = tmp_path

    return cli.play(steps.Rehearsal(Here("dev")), played)


def test_a_step_that_fails_ends_the_rehearsal_with_its_cause(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(_: steps.Rehearsal) -> str:
        raise Failed("the registry denies")

    results = rehearse(tmp_path, ("one", lambda _: "done"), ("two", fails), ("three", lambda _: "never"))
    assert [(r.step, r.failed) for r in results] == [("one", False), ("two", True)]
    said = capsys.readouterr().out
    assert "two failed: the registry denies" in said and "02-two.log" in said and "never" not in said
    shown = cli.summary(results)
    assert "done" in shown and "FAILED" in shown and "Not covered" in shown


def test_a_command_that_fails_says_what_it_said() -> None:
    with pytest.raises(Failed, match=r"failed \(3\):\nno such zone"):
        run(["sh", "-c", "echo no such zone >&2; exit 3"])
    with pytest.raises(Failed, match=r"did not end within 0 s"):
        run(["sleep", "5"], deadline_s=0.1)
    with pytest.raises(Failed, match="is not on this machine"):
        run(["no-such-program-here"])


def test_a_log_has_what_a_command_said(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert run(["sh", "-c", "echo one; echo two >&2"], log=log) == "one\ntwo\n"
    with pytest.raises(Failed, match=f"All of it: {log}"):
        run(["sh", "-c", "echo three; exit 1"], log=log)
    assert log.read_text() == "one\ntwo\nthree\n"


def test_metadata_that_differs_is_named() -> None:
    described = {"InstanceId": "i-1", "PrivateIpAddress": "10.20.1.4", "Tags": [{"Key": "Name", "Value": "n"}]}
    right = {
        "without": "401", "id": "i-1", "region": "eu-central-1", "address": "10.20.1.4", "name": "n",
        "credentials": "1", "identity": '{"instanceId": "i-1", "region": "eu-central-1"}',
    }  # fmt: skip
    assert inside.differences(right, described, "eu-central-1") == []
    assert inside.differences(right | {"without": "200"}, described, "eu-central-1") == ["without is 200, not 401"]
    (wrong,) = inside.differences(right | {"identity": '{"instanceId": "i-1"}'}, described, "eu-central-1")
    assert "region" in wrong


@pytest.mark.parametrize(
    ("wanted", "more"),
    [
        (DEV, {}),
        (replace(DEV, topology="fleet"), {"bundle": ANY_BUNDLE}),
        (replace(DEV, topology="fleet", bundle="own.tar.gz"), {"bundle": "own.tar.gz"}),
        (replace(DEV, topology="ecs"), {"image": ANY_IMAGE}),
        (replace(DEV, topology="serverless", image="sha256:1"), {"image": "sha256:1"}),
    ],
)
def test_a_topology_comes_with_what_it_starts_with(wanted: Wanted, more: dict[str, str]) -> None:
    given = added_variables(wanted, "key")
    assert given["topology"] == wanted.topology
    assert {key: given[key] for key in ("bundle", "image") if key in given} == more


def test_a_step_that_a_topology_cannot_play_is_said_with_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def settings_of(it: steps.Rehearsal) -> str:
        it.topology = "ecs"
        return "ecs"

    def never(_: steps.Rehearsal) -> str:
        raise AssertionError("played")

    results = rehearse(
        tmp_path, ("settings", settings_of), ("boot", never), ("site.yml", never), ("destroy", lambda _: "gone")
    )
    assert [(r.step, r.failed) for r in results] == [
        ("settings", False), ("boot", False), ("site.yml", False), ("destroy", False),
    ]  # fmt: skip
    assert "boot: not covered, no task of ECS is started" in capsys.readouterr().out
    assert "  - boot, site.yml: no task of ECS is started" in cli.summary(results)


def test_a_step_that_a_topology_has_no_part_for_is_left_out(tmp_path: Path) -> None:
    def settings_of(it: steps.Rehearsal) -> str:
        it.topology = "single"
        return "single"

    results = rehearse(tmp_path, ("settings", settings_of), ("balancer", lambda _: "never"))
    assert [r.step for r in results] == ["settings"]


def test_every_topology_says_what_it_does_not_play_by_names_of_steps() -> None:
    names = [name for name, _ in steps.STEPS]
    assert topologies.UNPLAYED.keys() | topologies.WITHOUT.keys() == set(TOPOLOGIES)
    for topology in TOPOLOGIES:
        assert {*topologies.UNPLAYED.get(topology, {}), *topologies.WITHOUT.get(topology, ())} < set(names), topology


SESSION = [
    "ssm", "start-session", "--region", "eu-central-1", "--target", "i-1", "--document-name", "AWS-StartSSHSession",
    "--parameters", "portNumber=22",
]  # fmt: skip


def test_session_manager_is_played_for_ssh_only() -> None:
    assert session.target(SESSION) == ("i-1", 22)
    with pytest.raises(session.Refused, match="not: aws s3 ls"):
        session.target(["s3", "ls"])


def test_the_second_version_follows_the_first() -> None:
    assert operation.next_patch("v1.4.9") == "v1.4.10"
    assert operation.next_patch("v2.0.0-rc.1") == "v2.0.1"
