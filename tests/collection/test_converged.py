"""slipway.ops.converged: what several roles want, asked at once, and judged as each of them does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
CONFIG = f"""
[defaults]
roles_path = roles
collections_path = {ROOT / "collections"}
interpreter_python = {sys.executable}
inject_facts_as_vars = False
"""


def role(folder: Path, name: str, variables: dict[str, Any]) -> None:
    for part, document in (("vars", variables), ("tasks", [{"ansible.builtin.debug": {"msg": name}}])):
        (folder / "roles" / name / part).mkdir(parents=True)
        (folder / "roles" / name / part / "main.yml").write_text(json.dumps(document))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Two roles: one wants a line as its template says, the other one a flag."""
    (tmp_path / "ansible.cfg").write_text(CONFIG)
    line = "{{ lookup('ansible.builtin.template', 'line.j2') | trim }}"
    for name, command in (
        ("first", ["grep", "-qx", line, str(tmp_path / "file")]),
        ("second", ["test", "-e", str(tmp_path / "flag")]),
    ):
        wanted = {"commands": {"question": command}, "paths": [str(tmp_path / "flag")] * (name == "second")}
        differs = f"{{{{ __{name}_look.commands.question.rc != 0 or __{name}_look.differs }}}}"
        role(tmp_path, name, {f"_{name}_wanted": wanted, f"_{name}_differs": differs})
    (tmp_path / "roles/first/templates").mkdir()
    (tmp_path / "roles/first/templates/line.j2").write_text("{{ greeting }}, {{ role_path | basename }}\n")
    (tmp_path / "file").write_text("Hello, first\n")
    (tmp_path / "flag").touch()
    answer = {"content": "{{ look | to_json }}", "dest": str(tmp_path / "answer"), "mode": "0644"}
    tasks: list[dict[str, Any]] = [
        {"slipway.ops.converged": {"roles": ["first", "second"]}, "register": "look"},
        {"ansible.builtin.copy": answer},
        *({"ansible.builtin.import_role": {"name": name}} for name in ("first", "second")),
    ]
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}
    (tmp_path / "site.yml").write_text(json.dumps([play]))
    return tmp_path


def run(site: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    program = str(Path(sys.executable).parent / "ansible-playbook")
    return subprocess.run(
        [program, "-i", "localhost,", "site.yml", "-e", json.dumps(variables)],
        cwd=site, env={**os.environ, "ANSIBLE_CONFIG": str(site / "ansible.cfg")},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def ask(site: Path, **variables: str) -> dict[str, Any]:
    done = run(site, **variables)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    answer: dict[str, Any] = json.loads((site / "answer").read_text())
    return answer


def test_a_host_is_converged_when_no_role_has_anything_to_do(site: Path) -> None:
    answer = ask(site, greeting="Hello")
    assert (answer["converged"], answer["differing"], answer["changed"]) == (True, [], False)


def test_each_role_judges_its_own_part(site: Path) -> None:
    (site / "flag").unlink()
    assert ask(site, greeting="Hello")["differing"] == ["second"]
    assert ask(site, greeting="Goodbye")["differing"] == ["first", "second"]


def test_a_role_with_turns_is_asked_for_each(site: Path) -> None:
    book = json.loads((site / "site.yml").read_text())
    book[0]["tasks"][0]["slipway.ops.converged"] = {"roles": [], "turns": {"third": ["one", "two"]}}
    book[0]["tasks"].append({"ansible.builtin.import_role": {"name": "third"}})
    (site / "site.yml").write_text(json.dumps(book))
    wanted = {"commands": {"question": ["test", "-e", f"{site}/{{{{ third_turn }}}}"]}}
    differs = "{{ __third_look.commands.question.rc != 0 }}"
    role(site, "third", {"_third_wanted": wanted, "_third_differs": differs})
    (site / "one").touch()
    assert ask(site)["differing"] == ["third"]
    (site / "two").touch()
    assert ask(site)["converged"] is True


def test_roles_are_asked_when_what_they_want_cannot_be_worked_out(site: Path) -> None:
    answer = ask(site)
    assert (answer["converged"], answer["differing"]) == (False, ["first", "second"])
    assert "greeting" in answer["because"]


def test_a_role_that_does_not_say_what_it_wants_is_a_mistake_of_the_play(site: Path) -> None:
    """Not a host with something to do: that would never end."""
    (site / "roles/second/vars/main.yml").write_text("{}")
    done = run(site, greeting="Hello")
    assert done.returncode != 0
    assert "second is no role of this play, or it does not say _second_wanted, _second_differs" in done.stdout
