"""What a release changes: names in the history, before a rollback, and of any two releases. Never a value."""

from __future__ import annotations

import json
from typing import Any

import pytest
from releasectl.commands.history_report import diff, history
from releasectl.model.errors import Code, Failure

from .scenarios import SECRET, deploy, engine, rollback, with_live
from .simulated_host import SimulatedHost
from .simulation import Simulation

NEW_SECRET = "correct horse battery staple"


def changed() -> SimulatedHost:
    """v2.0.0 is live; against v1.0.0 it has other variables, secrets, options and gates."""
    host = with_live("v1.0.0")
    result = deploy(
        host,
        "v2.0.0",
        env={"LOG_LEVEL": "debug", "MAX_ROWS": "10"},
        secrets={"TOKEN": NEW_SECRET, "KEY": "another secret"},
        options={"memory": "1g"},
        gates={"version_path": "/version"},
    )
    assert result.outcome == "live", result
    return host


def test_history_names_what_changed() -> None:
    host = changed()
    doc = history(Simulation(host).host, 5)
    newest, first = doc["releases"]
    assert newest["diff"]["env"] == ["+MAX_ROWS", "~LOG_LEVEL"]
    assert newest["diff"]["secrets"] == ["+KEY", "~TOKEN"]
    assert newest["diff"]["options"] == ["~memory"]
    assert newest["diff"]["gates"] == ["~golden"]
    assert newest["diff"]["model"] == ["m-v1.0.0 → m-v2.0.0"]
    assert " → " in newest["diff"]["image"][0]
    assert first["diff"] is None
    assert "env: +MAX_ROWS ~LOG_LEVEL; secrets: +KEY ~TOKEN" in doc["text"]
    for value in (SECRET, NEW_SECRET, "another secret", "debug"):
        assert value not in json.dumps(doc)


def test_a_rollback_says_before_what_it_changes() -> None:
    host = changed()
    result = engine(host).rollback(None, "bob", "", dry_run=True)
    assert "env: -MAX_ROWS ~LOG_LEVEL; secrets: -KEY ~TOKEN" in result.extra["changes"]
    assert NEW_SECRET not in json.dumps(result.document())


def rotated(version: str, value: str) -> dict[str, Any]:
    token = {"source": "secretsmanager:p/token", "version": version}
    return {"secrets": {"TOKEN": value}, "secret_versions": {"TOKEN": token}}


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ("7d9f6c2e-1111", "0b1c2d3e-2222", "7d9f6c2e → 0b1c2d3e"),
        ("terraform-01", "terraform-02", "terraform-01 → terraform-02"),
    ],
)
def test_a_rotated_secret_makes_a_release_of_the_same_image_and_its_versions_are_shown(
    old: str, new: str, shown: str
) -> None:
    host = with_live()
    first, second = (deploy(host, "v1.0.0", **rotated(*it)) for it in ((old, SECRET), (new, NEW_SECRET)))
    assert first.release and second.release and first.release.image == second.release.image
    assert f"changed secrets: ~TOKEN (version {shown})" in history(Simulation(host).host, 1)["text"]
    back = " → ".join(reversed(shown.split(" → ")))
    assert f"~TOKEN (version {back})" in engine(host).rollback(None, "bob", "", dry_run=True).extra["changes"]


def test_a_version_with_the_same_value_changes_nothing() -> None:
    host = with_live()
    deploy(host, "v1.0.0", **rotated("one", SECRET))
    assert deploy(host, "v1.0.0", **rotated("two", SECRET)).outcome == "unchanged"


def test_any_two_releases() -> None:
    host = changed()
    rollback(host)
    doc = diff(Simulation(host).host, "v1.0.0", "2")
    assert (doc["from"]["version"], doc["to"]["version"]) == ("v1.0.0", "v2.0.0")
    assert "  env       +MAX_ROWS ~LOG_LEVEL\n" in doc["text"]
    assert diff(Simulation(host).host, "1", "1")["text"].endswith("  nothing differs\n")
    with pytest.raises(Failure) as raised:
        diff(Simulation(host).host, "v1.0.0", "v9.0.0")
    assert raised.value.code == Code.UNKNOWN


def test_a_release_that_was_pruned_has_no_difference() -> None:
    host = changed()
    del host.releases[1]
    assert [it["diff"] for it in history(Simulation(host).host, 5)["releases"]] == [None, None]


def test_names_are_compared_where_values_cannot_be_read() -> None:
    simulation = Simulation(changed())
    simulation.down = frozenset({"read_settings"})
    assert history(simulation.host, 1)["releases"][0]["diff"]["env"] == ["+MAX_ROWS"]
