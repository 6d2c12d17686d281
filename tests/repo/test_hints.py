"""A test runs each fix of the status as printed, against a real fault. The exceptions are listed, with the reason."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.harness.engine_texts import ENGINE, fixes
from tests.harness.oncall import FAULTS

ROOT = Path(__file__).parent.parent.parent
STATUS, DAEMONS = "tests/faults/test_status.py", "tests/faults/test_daemons.py"
CERTIFICATES = "tests/faults/test_certificate_fixes.py"
# Fix → the test that runs it as printed, and finds a clean status. Those of tests/harness/oncall.py beside these.
TESTED = {
    "RESTART_DOCKER": f"{DAEMONS}::test_the_fixes_of_flushed_rules_bring_them_back",
    "sudo systemctl reload-or-restart slipway-firewall": f"{DAEMONS}::test_the_fixes_of_flushed_rules_bring_them_back",
    "sudo systemctl unmask … && sudo systemctl start …": f"{STATUS}::test_docker_is_masked",
    "_enable()": f"{STATUS}::test_the_timers_of_recovery",
    "sudo chmod 0755 … && sudo releasectl certificate install":
        f"{STATUS}::test_another_certificate_is_served_than_certbot_has",
    "converge()": "tests/e2e/test_first_light.py::test_a_converge_sees_what_somebody_changed_and_mends_it",
    "converge(edge)": f"{STATUS}::test_haproxy_does_not_start_with_its_configuration",
    "releasectl(maintenance off --force)": f"{STATUS}::test_maintenance_names_whom_to_ask",
    "releasectl(maintenance off)": f"{STATUS}::test_maintenance_without_a_record_can_be_ended",
    "converge(tls)": f"{CERTIFICATES}::test_a_converge_gets_one_where_certbot_has_none",
    "sudo systemctl start certbot && sudo journalctl -u certbot": f"{CERTIFICATES}::test_certbot_renews_it",
}  # fmt: skip
BACKUP_FIX = "sudo systemctl start slipway-backup; sudo journalctl -u slipway-backup -n 20 --no-pager"
# Fix → why no test runs it.
UNTESTED = {
    "ansible-playbook playbooks/upgrade.yml --limit …": "takes minutes; tests/faults/test_upgrade.py runs the playbook",
    "… -e reboot=true": "as the one before",
    "see what takes them: sudo du --one-file-system --max-depth 2 -h / | sort -h | tail": "advice",
    BACKUP_FIX: "advice: the log says what is missing; tests/e2e/test_lost_host.py starts the unit",
    "sudo systemctl restart …": "the clock of a lab host is its machine's",
    "deploy a version (playbooks/deploy.yml)": "advice: which version is for the operator to say",
    "…; docker system df": "advice: whether enough can be pruned is not known",
    "set the service's version in services.yml to …, or: … -e version=…": "advice: the operator says which",
    "see which process has it: ps aux --sort=-rss | head": "advice",
    "check the network and the DNS of this host (resolvectl status). What is live is served without it": "advice",
    "check the network and the DNS of this host (resolvectl status). What is live has its model already": "advice",
}


def test_the_fixes_of_the_code_are_these() -> None:
    listed = {*TESTED, *UNTESTED, *(it.template for it in FAULTS)}
    assert fixes() - listed == set(), "a fix without a test of a fault"
    assert listed - fixes() == set(), "no longer in the code"
    assert not set(TESTED) & set(UNTESTED)


@pytest.mark.parametrize("fix", TESTED)
def test_the_test_runs_the_fix(fix: str) -> None:
    path, _, name = TESTED[fix].partition("::")
    body = re.search(rf"^def {name}\(.*?(?=^(?:def|@)|\Z)", (ROOT / path).read_text(), re.M | re.S)
    assert body and re.search(r'run_fix\(|\["fix"\]', body.group()), TESTED[fix]


def test_a_converge_that_is_hinted_at_is_of_one_host() -> None:
    """But for a role's checks before anything changes: what they name is set for all hosts."""
    roles = [path for path in (ROOT / "roles").glob("*/**/*.yml") if path.name not in ("preflight.yml", "main.yml")]
    plugins = (ROOT / "collections/ansible_collections/slipway/ops/plugins").rglob("*.py")
    for path in (*ENGINE.rglob("*.py"), *plugins, *roles, *(ROOT / "roles").glob("*/vars/main.yml")):
        for line in path.read_text().splitlines():
            if "ansible-playbook site.yml" in line:
                limit = r"site\.yml --limit (HOST|\{host|\{\{ inventory_hostname)"
                assert re.search(limit, line), f"{path.name}: {line.strip()}"
