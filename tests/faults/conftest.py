"""
What may break while it runs, for real, on one host of the lab (SLIPWAY_LAB_HOST, default inference-1), which has been
converged. Each test begins and ends with one of two quick releases live, under a steady load that loses nothing.
Other tests may be going on, on other hosts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.harness import host_driver as host
from tests.harness import lab, network
from tests.harness.load.steady import SteadyLoad

# The hooks of the tests that go the whole way: what the host says when one fails.
from tests.e2e.conftest import pytest_runtest_makereport  # noqa: F401  # isort: skip

DEADLINES = {"start": 20, "liveness": 6, "readiness": 6, "golden": 6, "switch": 5}


@pytest.fixture(scope="session", autouse=True)
def quick_host() -> Iterator[None]:
    """Quick releases, short deadlines, and no recovery but when a test asks for it; given back as it was."""
    with network.services(), ThreadPoolExecutor() as pool:
        list(pool.map(_bring, (host.A, host.B)))
    before = lab.on_host("cat", host.CONFIG)
    was = lab.live_version()
    host.shell("systemctl stop slipway-recover@inference.timer")
    host.good(host.releasectl("recover"))
    host.configure(drain_timeout_s=8, standby_s=900, bake_s=0, retain=500, deadlines_s=DEADLINES)
    host.good(host.deploy(host.request(host.B)))
    host.good(host.deploy(host.request(host.A)))
    yield
    host.write_config(before)
    host.releasectl("rollback", "--to", was)
    host.shell("systemctl start slipway-recover@inference.timer")


@pytest.fixture
def services() -> Iterator[None]:
    """For a test that needs the registry or the authority: nobody else cuts them off meanwhile."""
    with network.services():
        yield


def _bring(version: str) -> None:
    lab.good(lab.build_faulty(version, "plain"))
    lab.good(lab.play("playbooks/prefetch.yml", "-e", f"version={version}", "--limit", lab.HOST))


@pytest.fixture
def load() -> Iterator[SteadyLoad]:
    """A steady load on the front door; the test ends with: nobody was failed."""
    with steady() as load:
        load.wait_for(10)
        yield load
        sent = len(load.samples)
        load.wait_for(sent + 10, what=lambda sample: True)
    assert load.failed == []


def steady() -> SteadyLoad:
    golden = lab.GOLDEN[0]
    body = json.dumps(golden["body"]).encode()
    return SteadyLoad(lab.NAME, golden["path"], body, str(lab.ROOTS), rate=40, clients=4)
