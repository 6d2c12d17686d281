"""The wanted version: recorded on the host by a deploy, and told by the status if another one is live."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from releasectl.cli import _record_wanted
from releasectl.commands.report import exit_code, status
from releasectl.commands.result import Result
from releasectl.documents.request import read_request
from releasectl.host import wanted
from releasectl.host.paths import Paths
from releasectl.model.errors import Code, Failure
from releasectl.rollout.wanted import Wanted, wanted_findings

from .scenarios import request, with_live
from .simulation import Simulation
from .surroundings import DOOR, Seen

FIX = "set the service's version in services.yml to v1.0.0, or: ansible-playbook playbooks/deploy.yml --limit web-1"


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(str(tmp_path))
    os.makedirs(paths.home("inference"))
    return paths


def test_it_is_kept_as_the_last_deploy_named_it(paths: Paths) -> None:
    assert wanted.read(paths, "inference") is None
    wanted.record(paths, "inference", "v1.0.0", "ana", 100)
    wanted.record(paths, "inference", "v2.0.0", "bob", 200)
    assert wanted.read(paths, "inference") == Wanted("v2.0.0", 200, "bob")
    wanted.record(paths, "inference", "", "ana", 300)
    assert wanted.read(paths, "inference") is None, "the inventory names no version any more"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"version": "v1.0.0", "at": "soon", "by": "ana"}'])
def test_a_record_that_cannot_be_read_is_none(paths: Paths, text: str) -> None:
    Path(paths.wanted("inference")).write_text(text)
    assert wanted.read(paths, "inference") is None


def test_a_deploy_by_hand_leaves_the_record(paths: Paths) -> None:
    result = Result("inference")
    _record_wanted(paths, {"version": "v2.0.0", "inventory_version": "v1.0.0", "by": "ana"}, result)
    _record_wanted(paths, {"version": "v2.0.0", "by": "bob"}, result)
    found = wanted.read(paths, "inference")
    assert found is not None and (found.version, found.by) == ("v1.0.0", "ana")


def test_a_record_that_cannot_be_written_is_a_warning(paths: Paths) -> None:
    os.rmdir(paths.home("inference"))
    result = Result("inference", code=Code.OK)
    _record_wanted(paths, {"version": "v2.0.0", "inventory_version": "v1.0.0"}, result)
    assert result.warnings == [f"Failed to write {paths.wanted('inference')}: No such file or directory"]
    assert result.code == Code.OK


@pytest.mark.parametrize("wrong", ["latest", "1.0.0", 1])
def test_a_request_with_a_wrong_one_is_refused(wrong: Any) -> None:
    with pytest.raises(Failure, match="inventory_version") as raised:
        read_request(request("v1.0.0", inventory_version=wrong), None)
    assert raised.value.code == Code.USAGE


@pytest.mark.parametrize(
    ("it", "live"),
    [(None, "v1.0.0"), (Wanted("v1.0.0"), "v1.0.0"), (Wanted("v1.0.0"), None)],
    ids=["not known", "it is live", "nothing is live"],
)
def test_there_is_nothing_to_tell(it: Wanted | None, live: str | None) -> None:
    assert wanted_findings(it, live, 0, "web-1", "inference") == ()


def test_the_status_tells_of_it_as_a_notice() -> None:
    host = Simulation(with_live("v1.0.0", **DOOR)).host
    seen = Seen(wanted=Wanted("v2.0.0", host.process.now() - 300, "ana"))
    doc = status(host, None, seen)
    fix = f"Fix: {FIX} -e service=inference -e version=v2.0.0"
    assert doc["notices"] == [f"the inventory has v2.0.0 (as of the deploy 5m ago by ana), but v1.0.0 is live. {fix}"]
    assert (doc["wanted"], doc["troubles"], exit_code(doc)) == ("v2.0.0", [], 0)
    given = status(host, None, seen, "v3.0.0")
    assert given["notices"][0].startswith("the inventory has v3.0.0, but v1.0.0 is live. Fix: ")
    assert status(host, None, seen, "v1.0.0")["notices"] == []
    assert status(host, "a deploy", seen)["notices"] == [], "which may be on its way to it"
