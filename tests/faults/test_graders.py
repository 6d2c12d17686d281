"""What the programs that grade hosts say of one: lynis, ssh-audit and systemd on it, sslyze from outside."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import host_driver as host
from tests.harness import lab

LOCK = "tests/faults/requirements-graders.lock"
# docs/hardening.md has the points that are left, and why.
INDEX = 80
# systemd-analyze security --threshold: 10 for each point of exposure.
EXPOSURE = 40
# A kex method, cipher or MAC that ssh-audit has something to say of.
REMARK = re.compile(r"^\((?:kex|enc|mac)\) (\S+)\s.*\[(?:warn|fail)\] (.*)$", re.MULTILINE)
LIFESPAN = "* maximum_certificate_lifespan"
ACCEPTED = (
    # Without these, Paramiko and clients before OpenSSH 9 have no method left.
    "does not provide protection against post-quantum attacks",
    # Newer and stronger than the ssh-audit of Debian 12 knows (2.5).
    "unknown algorithm",
    "using experimental algorithm",
)


@pytest.fixture(scope="module", autouse=True)
def graders() -> Iterator[None]:
    """On the host while they are needed."""
    apt = "DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120"
    host.shell(f"{apt} install --no-install-recommends lynis ssh-audit >/dev/null 2>&1 || exit 1")
    yield
    host.shell(f"{apt} purge lynis ssh-audit >/dev/null 2>&1")


def test_lynis_gives_the_host_its_index() -> None:
    host.shell("lynis audit system --quick --quiet --no-colors >/dev/null 2>&1; test -s /var/log/lynis-report.dat")
    report = host.shell("cat /var/log/lynis-report.dat")
    index = re.search(r"^hardening_index=(\d+)$", report, re.MULTILINE)
    said = re.findall(r"^(?:warning|suggestion)\[\]=(.*)$", report, re.MULTILINE)
    print(index and index[0])
    assert index and int(index[1]) >= INDEX, "\n".join([index[0] if index else report, *said])


def test_ssh_audit_has_nothing_against_key_exchange_ciphers_and_macs() -> None:
    said = host.shell("ssh-audit --no-colors --timeout=10 127.0.0.1 || true")
    assert "(kex) curve25519-sha256" in said, said
    assert [remark for remark in REMARK.findall(said) if not remark[1].startswith(ACCEPTED)] == []


def test_the_edge_is_mozilla_s_intermediate_to_sslyze() -> None:
    argv = ["tools/tool_venv", "graders", LOCK]
    made = subprocess.run(argv, cwd=lab.ROOT, stdout=subprocess.PIPE, text=True, timeout=600, check=True)
    trusted = ("--certinfo_ca_file", str(lab.ROOTS))
    said = lab.run(f"{made.stdout.strip()}/sslyze", "--mozilla_config", "intermediate", *trusted, lab.NAME).out
    _, found, verdict = said.partition(f"{lab.NAME}:443: FAILED - Not compliant.")
    # The lab's ACME server issues for five years; a public one may not.
    assert found and [line.split(":")[0].strip() for line in verdict.splitlines() if line.strip()] == [LIFESPAN], said


def test_systemd_calls_the_exposure_of_our_units_low() -> None:
    """Of every unit that the roles install: a new one begins in a sandbox."""
    paths = host.shell("grep -lE 'slipway|releasectl' /etc/systemd/system/*.service").split()
    units = {Path(path).name.replace("@.", "@blue." if "/inference@" in path else "@inference.") for path in paths}
    assert "slipway-firewall.service" in units, units
    analyze = ("docker", "exec", lab.CONTAINER, "systemd-analyze", "security", "--no-pager", f"--threshold={EXPOSURE}")
    exposed = {unit for unit in units if lab.run(*analyze, unit).code}
    assert exposed == set()
