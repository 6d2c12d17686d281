"""A certificate renewed under load."""

from __future__ import annotations

import socket
import ssl

from cryptography import x509

from tests.e2e import lab
from tests.load.steady import SteadyLoad


def serial() -> int:
    context = ssl.create_default_context(cafile=str(lab.ROOTS))
    with socket.create_connection((lab.NAME, 443), timeout=5) as raw:
        with context.wrap_socket(raw, server_hostname=lab.NAME) as tls:
            der = tls.getpeercert(binary_form=True)
    assert der
    return x509.load_der_x509_certificate(der).serial_number


def test_a_forced_renewal_is_served_and_fails_no_request(load: SteadyLoad) -> None:
    before = serial()
    pid = lab.on_host("systemctl", "show", "--property=MainPID", "--value", "haproxy")
    lab.on_host("certbot", "renew", "--force-renewal", "--no-random-sleep-on-renew")
    assert serial() != before
    assert lab.on_host("systemctl", "show", "--property=MainPID", "--value", "haproxy") == pid, "no restart was needed"
