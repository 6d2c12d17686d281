"""A certificate renewed under load."""

from __future__ import annotations

import pytest

from tests.harness import lab
from tests.harness.load.steady import SteadyLoad
from tests.harness.tls import served_certificate


@pytest.fixture(scope="module", autouse=True)
def beginning() -> None:
    lab.start("v1.0.0")


def serial() -> int:
    return served_certificate(lab.NAME, str(lab.ROOTS)).serial_number


def test_a_forced_renewal_is_served_and_fails_no_request(load: SteadyLoad) -> None:
    before = serial()
    pid = lab.on_host("systemctl", "show", "--property=MainPID", "--value", "haproxy")
    lab.on_host("certbot", "renew", "--force-renewal", "--no-random-sleep-on-renew")
    assert serial() != before
    assert lab.on_host("systemctl", "show", "--property=MainPID", "--value", "haproxy") == pid, "no restart was needed"
