"""
What may break while it runs, for real, on one host of the lab (SLIPWAY_LAB_HOST, default inference-1), which has been
converged. Each test begins and ends with one of two quick releases live, under a steady load that loses nothing.
Other tests may be going on, on other hosts.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.harness import host_driver as host
from tests.harness import lab, network, reporting
from tests.harness.load.predictions import unfailing
from tests.harness.load.steady import SteadyLoad

DEADLINES = {"start": 20, "liveness": 6, "readiness": 6, "golden": 6, "switch": 5}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return reporting.add_host((yield))


@pytest.fixture(scope="session", autouse=True)
def quick_host() -> Iterator[None]:
    """Quick releases, short deadlines, and no recovery but when a test asks for it; given back as it was."""
    with network.services(), ThreadPoolExecutor() as pool:
        list(pool.map(_bring, (host.A, host.B)))
    before = lab.on_host("cat", host.CONFIG)
    was = lab.live_version()
    host.shell(f"{host.STOP_RECOVERY}; systemctl stop {host.METRICS}")
    host.forget_record(host.CONFIG)
    host.set_repairs(False)
    host.good(host.releasectl("recover"))
    host.configure(drain_timeout_s=8, standby_s=900, bake_s=0, retain=500, deadlines_s=DEADLINES)
    host.good(host.deploy(host.request(host.B)))
    host.good(host.deploy(host.request(host.A)))
    yield
    host.write_config(before)
    host.releasectl("rollback", "--to", was)
    host.set_repairs(True)
    host.shell(f"systemctl start {host.TIMERS} {host.METRICS}")


@pytest.fixture
def services() -> Iterator[None]:
    """For a test that needs the registry or the authority: nobody else cuts them off meanwhile."""
    with network.services():
        yield


@pytest.fixture
def timers(services: None) -> Iterator[None]:
    """On, as on any host, or each status would tell that they are not; with the registry in reach."""
    host.shell(f"systemctl start {host.TIMERS}")
    yield
    # A converge has started the metrics' timer as well.
    host.shell(f"systemctl stop {host.TIMERS} {host.METRICS}")


def _bring(version: str) -> None:
    lab.good(lab.build_faulty(version, "plain"))
    lab.good(lab.play("playbooks/prefetch.yml", "-e", f"version={version}", "--limit", lab.HOST))


@pytest.fixture
def load() -> Iterator[SteadyLoad]:
    """A steady load on the front door; the test ends with: nobody was failed."""
    with unfailing(10, **host.LOAD) as load:
        yield load
