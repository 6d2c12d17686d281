"""The workflows run lines that a person can run, by pinned actions and with no more rights than they need."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from rehearsal import operation

ROOT = Path(__file__).parent.parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FILES = [*WORKFLOWS, *sorted((ROOT / ".github" / "actions").glob("*/action.yml"))]
TARGETS = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
PAGE = ROOT / "docs" / "release-process.md"
# What a job may have besides `contents: read`, by workflow.
RIGHTS = {
    "deploy": {"id-token": "write"},
    "drift": {"id-token": "write"},
    "release": {"id-token": "write", "contents": "write"},
}
ACTION = re.compile(r"uses: ([\w.-]+/[\w./-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)$")


def ids(path: Path) -> str:
    return str(path.relative_to(ROOT))


def document(path: Path) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load(path.read_text())
    return found


def workflow(name: str) -> dict[Any, Any]:
    return document(ROOT / ".github" / "workflows" / f"{name}.yml")


def triggers(name: str) -> dict[str, Any]:
    # YAML 1.1 reads the key `on` as true.
    found: dict[str, Any] = workflow(name)[True]
    return found


def steps(path: Path) -> list[dict[str, Any]]:
    content = document(path)
    if "runs" in content:
        return list(content["runs"]["steps"])
    return [step for job in content["jobs"].values() for step in job.get("steps", [])]


def lines(path: Path) -> Iterator[str]:
    """The commands of a file, continued lines as one."""
    for step in steps(path):
        yield from step.get("run", "").replace("\\\n", " ").splitlines()


def test_there_is_a_workflow_for_each_purpose() -> None:
    assert {path.stem for path in WORKFLOWS} == {"ci", "rehearsal", "release", "deploy", "drift"}


@pytest.mark.parametrize("path", FILES, ids=ids)
class TestFile:
    def test_actions_are_pinned_by_commit_with_their_version(self, path: Path) -> None:
        for line in path.read_text().splitlines():
            if "uses: " in line and "uses: ./" not in line:
                assert ACTION.search(line), line

    def test_local_actions_and_workflows_exist(self, path: Path) -> None:
        for name in re.findall(r"uses: \./(\S+)", path.read_text()):
            assert (ROOT / name).is_file() or (ROOT / name / "action.yml").is_file(), name

    def test_a_checkout_leaves_no_token(self, path: Path) -> None:
        for step in steps(path):
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False

    def test_no_expression_reaches_a_shell(self, path: Path) -> None:
        assert [line for line in lines(path) if "${{" in line] == []

    def test_no_key_is_stored(self, path: Path) -> None:
        assert not re.search(r"\bsecrets[.:\[]|aws-(access-key-id|secret-access-key)", path.read_text())

    def test_what_a_line_runs_exists(self, path: Path) -> None:
        for line in lines(path):
            words = shlex.split(line)
            if words[0] == "make":
                assert words[1] in TARGETS, line
            for word in words:
                if word.startswith(("playbooks/", "tools/")):
                    assert (ROOT / word).is_file(), line

    def test_a_playbook_has_the_inputs_of_its_line(self, path: Path) -> None:
        known = "".join(it.read_text() for it in (ROOT / "playbooks" / "vars").glob("*.yml"))
        known += "".join(it.read_text() for it in (ROOT / "roles").glob("*/defaults/main.yml"))
        for line in lines(path):
            if found := re.search(r"playbooks/\w+\.yml", line):
                names = re.findall(r"-e (?:'\{\")?(\w+)", line)
                text = (ROOT / found[0]).read_text() + known
                assert [name for name in names if not re.search(rf"\b{name}'?: ", text)] == [], line


def test_an_action_has_one_version() -> None:
    found = [match for path in FILES for line in path.read_text().splitlines() if (match := ACTION.search(line))]
    assert len({match[1] for match in found}) == len({match.groups() for match in found})


@pytest.mark.parametrize("path", WORKFLOWS, ids=ids)
def test_rights_are_given_by_job_and_are_few(path: Path) -> None:
    content = document(path)
    assert content["permissions"] == {}
    for name, job in content["jobs"].items():
        more = set(job["permissions"].items()) - {("contents", "read")}
        assert more <= set(RIGHTS.get(path.stem, {}).items()), name


@pytest.mark.parametrize("path", WORKFLOWS, ids=ids)
def test_every_job_has_a_deadline(path: Path) -> None:
    assert all("timeout-minutes" in job or "uses" in job for job in document(path)["jobs"].values())


def test_a_change_is_linted_tested_and_rehearsed() -> None:
    assert set(triggers("ci")) == {"push", "pull_request"}
    run = [line for name in ("ci", "rehearsal") for line in lines(ROOT / f".github/workflows/{name}.yml")]
    assert run == ["make lint", "make test", "make rehearse ENV=dev"]


def test_a_version_tag_is_released_one_at_a_time_and_by_way_of_staging() -> None:
    content = workflow("release")
    assert triggers("release") == {"push": {"tags": ["v*"]}}
    assert content["concurrency"] == {"group": "release", "cancel-in-progress": False}
    needs = {name: job.get("needs") for name, job in content["jobs"].items()}
    assert needs == {
        "notes": None, "rehearsal": "notes", "staging": "rehearsal", "prod": "staging", "publish": "prod",
    }  # fmt: skip
    for name in ("staging", "prod"):
        assert content["jobs"][name]["with"] == {"environment": name, "version": "${{ github.ref_name }}"}
    # The GitHub environment asks for the approval, and limits who can take the role.
    assert workflow("deploy")["jobs"]["deploy"]["environment"] == "${{ inputs.environment }}"


def test_a_failed_smoke_test_is_rolled_back() -> None:
    found = {step["name"]: step for step in workflow("deploy")["jobs"]["deploy"]["steps"] if "name" in step}
    names = list(found)
    assert names.index("Deploy, one host first") < names.index("Smoke test") < names.index("Roll back")
    assert '"deploy_batches": [1, ' in found["Deploy, one host first"]["run"]
    assert found["Roll back"]["if"] == "failure() && steps.smoke.outcome == 'failure'"
    assert "playbooks/rollback.yml" in found["Roll back"]["run"]


@pytest.mark.parametrize("name", ["ci", "rehearsal", "release", "deploy", "drift"])
def test_the_page_lists_every_line(name: str) -> None:
    """As a person types it, for staging and v1.4.2."""
    page = " ".join(PAGE.read_text().replace("\\\n", " ").split())
    for line in lines(ROOT / f".github/workflows/{name}.yml"):
        typed = line.replace('"inventory/$ENVIRONMENT"', "inventory/staging").replace('"$VERSION"', "v1.4.2")
        assert " ".join(typed.split()) in page, typed


def test_the_key_of_a_job_is_authorized_before_it_is_needed() -> None:
    """Debian's image has no EC2 Instance Connect. What the tool does: tests/rehearsal/test_authorize_key.py."""
    run = [step.get("run", "") for step in steps(ROOT / ".github/actions/controller/action.yml")]
    made, authorized = (next(i for i, it in enumerate(run) if word in it) for word in ("ssh-keygen", "authorize_key"))
    assert run[authorized] == '.venv/bin/python tools/authorize_key.py "$ENVIRONMENT"'
    assert next(i for i, it in enumerate(run) if "terraform" in it) < made < authorized


def test_a_rehearsal_runs_the_lines_of_the_jobs() -> None:
    """In the order of the workflows, without what runs after a failure."""
    found = [re.findall(r"playbooks/(\w+)\.yml", line) for line in operation.lines_of_jobs()]
    assert found == [["build"], ["deploy"], ["smoke_test"], ["status"], ["drift"]]
