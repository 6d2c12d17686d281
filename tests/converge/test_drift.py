"""A converge also repairs what an earlier run left undone, and removes what the inventory no longer has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import lab

CONVERGE = "playbooks/converge.yml"
JOURNAL, DUMPS = "/etc/systemd/journald.conf.d/slipway.conf", "/etc/systemd/coredump.conf.d"
HOOK = "/etc/slipway/inference/hooks/post-switch"
CA_FILE = "/usr/local/share/ca-certificates/removed.crt"


@pytest.fixture(scope="module", autouse=True)
def converged() -> Iterator[None]:
    lab.start()
    lab.good(converge())
    yield
    assert "Drift" not in lab.good(converge()).out


def converge(*arguments: str) -> lab.Done:
    return lab.play(CONVERGE, *lab.LIMIT, *arguments)


def drift(tmp_path: Path) -> dict[str, dict[str, list[str]]]:
    """Role → kind → names, as the drift report has it."""
    report = tmp_path / "drift.json"
    lab.play("playbooks/drift.yml", *lab.LIMIT, "-e", f"drift_report={report}")
    return dict(json.loads(report.read_text())["hosts"][lab.HOST]["drift"])


def exists(path: str) -> bool:
    return lab.on_host_code("test", "-e", path) == 0


def test_a_file_that_cannot_be_written_keeps_no_other_from_taking_effect() -> None:
    """The next run finds the other files as they should be, and would not notify their handlers."""
    journal = ("systemctl", "show", "--property=MainPID", "--value", "systemd-journald")
    before = lab.on_host(*journal)
    lab.on_host("sh", "-c", f"echo '# drift' >> {JOURNAL}; rm -r {DUMPS}; touch {DUMPS}")
    done = converge()
    assert done.code and f"failed: [{lab.HOST}] (item={DUMPS}/slipway.conf)" in done.out, done.out[-6000:]
    assert "# drift" not in lab.on_host("cat", JOURNAL)
    assert lab.on_host(*journal) != before, "the journal runs with its file"
    lab.on_host("rm", DUMPS)
    lab.good(converge())


UNITS = {
    "/etc/systemd/system/haproxy.service.d/slipway.conf": ("edge", "haproxy.service"),
    "/etc/systemd/system/slipway-recover@.timer": ("release", "slipway-recover@inference.timer"),
}


def test_what_an_interrupted_run_has_written_takes_effect(tmp_path: Path) -> None:
    """Units that systemd has not loaded, a CA that is not in the bundle or no longer in the directory."""
    lab.on_host("touch", "/usr/local/share/ca-certificates")
    for path in UNITS:
        lab.on_host("sh", "-c", f"echo '# drift' >> {path}; sed -i '/^# drift$/d' {path}")
    found = drift(tmp_path)
    assert {(role, name) for role, it in found.items() for name in it["units"]} == {
        (role, f"{unit} (needs daemon-reload)") for role, unit in UNITS.values()
    }
    assert found["baseline"]["commands"] == ["CA certificates"]
    lab.good(converge())
    assert drift(tmp_path) == {}
    for _, unit in UNITS.values():
        assert lab.on_host("systemctl", "show", "--property=NeedDaemonReload", "--value", unit).strip() == "no"


def test_a_hook_and_a_ca_that_the_inventory_no_longer_has_are_removed(tmp_path: Path) -> None:
    (tmp_path / "hook").write_text("#!/bin/sh\n")
    make = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=removed", "-keyout", "/dev/null")
    (tmp_path / "removed.pem").write_text(lab.on_host(*make))
    more = {
        "release_hooks": {"post-switch": str(tmp_path / "hook")},
        "baseline_ca_certificates": [str(lab.ROOT / ".lab/ca/ca.pem"), str(tmp_path / "removed.pem")],
    }
    lab.good(converge("-e", json.dumps(more)))
    assert exists(HOOK) and exists(CA_FILE) and exists("/etc/ssl/certs/removed.pem")
    lab.on_host("sh", "-c", "printf '#!/bin/sh\\n' > /etc/slipway/inference/hooks/pre-deploy")
    done = lab.good(converge("--tags", "edge"))
    assert f"Drift is left on {lab.HOST}: role release: file {HOOK}" in done.out
    assert drift(tmp_path)["baseline"]["files"] == [CA_FILE]
    lab.good(converge())
    assert not exists(HOOK) and not exists(CA_FILE) and not exists("/etc/ssl/certs/removed.pem")
    assert exists("/etc/slipway/inference/hooks/pre-deploy"), "nobody but the inventory's own files"
    lab.on_host("rm", "/etc/slipway/inference/hooks/pre-deploy")
