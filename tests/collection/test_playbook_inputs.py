"""slipway.ops.playbook_inputs: values of a command line are converted, validated, refused with the closest name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
OPTIONS = {
    "service": {"type": "str", "choices": "{{ services | list }}", "default": "{{ default_service }}"},
    "version": {"type": "str", "description": "Which"},
    "steps": {"type": "list", "elements": "int"},
    "step_s": {"type": "float"},
    "hold": {"type": "bool"},
    "model": {"type": "str"},
    "strategy": {"type": "str", "choices": ["blue_green", "canary"]},
    "reason": {"type": "str", "verbatim": True, "default": "{{ lookup('ansible.builtin.env', 'SLIPWAY_REASON') }}"},
}
DEFAULTS = {**dict.fromkeys(OPTIONS), "service": "one", "reason": ""}
CONFIG = f"""
[defaults]
roles_path = {ROOT / "roles"}
collections_path = {ROOT / "collections"}
interpreter_python = {sys.executable}
"""
REASON = """-lead: it's "quoted" #42 $HOME `id` \\ {{ x }} {% if %} {{ 1/0 }} a=b é 日本
second line"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "ansible.cfg").write_text(CONFIG)
    (tmp_path / "hosts.yml").write_text("all: {hosts: {localhost: {ansible_connection: local}}}\n")
    (tmp_path / "group_vars").mkdir()
    variables = {"services": {"one": {"domains": "{{ nowhere }}"}, "two": {}}, "default_service": "one", "site_x": 1}
    (tmp_path / "group_vars" / "all.yml").write_text(json.dumps(variables))
    tasks: list[dict[str, Any]] = [
        {"slipway.ops.playbook_inputs": {"options": OPTIONS}, "register": "it"},
        {
            "ansible.builtin.copy": {
                "content": "{{ it.inputs | to_json }}",
                "dest": str(tmp_path / "out"),
                "mode": "0644",
            }
        },
    ]
    (tmp_path / "play.yml").write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    return tmp_path


def run(site: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    program = str(Path(sys.executable).parent / "ansible-playbook")
    return subprocess.run(
        [program, "-i", "hosts.yml", "play.yml", *words], cwd=site, capture_output=True, text=True, timeout=120,
        env={**os.environ, "ANSIBLE_CONFIG": str(site / "ansible.cfg"), **env},
    )  # fmt: skip


def given(site: Path, *words: str, **env: str) -> dict[str, Any]:
    """The inputs that differ from the defaults."""
    done = run(site, *words, **env)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((site / "out").read_text())
    assert set(found) == set(OPTIONS)
    return {key: value for key, value in found.items() if value != DEFAULTS[key]}


def test_values_are_converted(site: Path) -> None:
    assert given(site) == {}
    words = ("-e", "steps=5,25 step_s=0.5 hold=no", "-e", "service=two", "-e", json.dumps({"model": ""}))
    assert given(site, *words) == {"steps": [5, 25], "step_s": 0.5, "hold": False, "service": "two", "model": ""}
    # From a file, and as a template of what the inventory has.
    (site / "more.yml").write_text('version: "v{{ site_x }}.0.0"\nsteps: [10]\n')
    assert given(site, "-e", "@more.yml") == {"version": "v1.0.0", "steps": [10]}


def test_variables_of_the_inventory_of_roles_and_of_ansible_are_no_inputs(site: Path) -> None:
    more = {"site_x": 2, "release_canary": {}, "edge_hsts_max_age_s": 1, "ansible_user": "x", "build_args": {}}
    assert given(site, "-e", json.dumps(more)) == {}


def refused(site: Path, *words: str) -> str:
    done = run(site, *(it for word in words for it in ("-e", word)))
    assert done.returncode != 0, done.stdout
    return done.stdout + done.stderr


def test_every_unknown_name_is_refused_with_the_closest_known_ones(site: Path) -> None:
    words = ("stpes=10", "verison=v1", "release_strategi=canary", "site_y=1", "qqqqqq=1", "service_others={}")
    lines = refused(site, *words, "service_version=v1", "word=abort").replace("\\n", "\n").splitlines()
    for line in (
        "unknown input stpes; did you mean steps, step_s?",
        "unknown input verison; did you mean version?",
        "unknown input release_strategi; did you mean release_strategy?",
        "unknown input site_y; did you mean site_x?",
        "unknown input qqqqqq",
        "service_others is now services",
        "service_version is now services.<name>.version",
        "word is now canary_command",
        "This playbook has: hold, model, reason, service, step_s, steps, strategy, version",
    ):
        assert any(it.endswith(line) for it in lines), (line, lines)


def test_every_wrong_value_is_refused(site: Path) -> None:
    said = refused(site, "strategy=canarry", "service=three", "steps=many", "step_s=soon")
    assert "value of strategy must be one of: blue_green, canary, got: canarry" in said
    assert "value of service must be one of: one, two, got: three" in said
    assert "Elements value for option 'steps' is of type" in said and "argument 'step_s' is of type" in said
    assert "'v2.0.0' has no name in -e: quote a value with spaces" in refused(site, "version=v1.0.0 v2.0.0")


def test_an_old_variable_of_the_inventory_is_refused_too(site: Path) -> None:
    (site / "host_vars").mkdir()
    (site / "host_vars" / "localhost.yml").write_text("service_slots: {}\nedge_other_services: []\n")
    done = run(site)
    assert done.returncode != 0
    assert "service_slots is now services.<name>.slots" in done.stdout
    assert "edge_other_services is now edge_services" in done.stdout


def test_a_reason_is_never_evaluated(site: Path) -> None:
    assert given(site, "-e", json.dumps({"reason": REASON})) == {"reason": REASON}
    assert given(site, SLIPWAY_REASON=REASON) == {"reason": REASON}
    assert given(site, "-e", "reason='{{ x }}'", SLIPWAY_REASON="not this one") == {"reason": "{{ x }}"}
    assert given(site, "-e", "reason=42") == {"reason": "42"}


def test_a_reason_that_was_split_is_put_together_with_a_warning(site: Path) -> None:
    done = run(site, "-e", "reason=fixes the slow path")
    assert done.returncode == 0 and json.loads((site / "out").read_text())["reason"] == "fixes the slow path"
    assert "was split at its spaces" in " ".join(done.stderr.split())
