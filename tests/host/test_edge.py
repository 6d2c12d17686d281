"""The front door, asked by its public name from here and looked at on the host."""

from __future__ import annotations

import socket
import ssl
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import requests
from cryptography import x509
from testinfra.host import Host

from tests.harness.tls import served_certificate

Doc = dict[str, Any]


@pytest.fixture(scope="module")
def door(wanted: Doc) -> requests.Session:
    session = requests.Session()
    # The inventory says whom to trust, not this shell's environment.
    session.trust_env = False
    session.verify = wanted["ca_path"] or True
    return session


@pytest.fixture(scope="module")
def url(wanted: Doc) -> str:
    return f"https://{wanted['domains'][0]}"


@pytest.fixture(scope="module")
def certificate(wanted: Doc) -> x509.Certificate:
    return served_certificate(wanted["domains"][0], wanted["ca_path"] or None)


def test_it_predicts(door: requests.Session, url: str, wanted: Doc) -> None:
    for golden in wanted["golden"]:
        answer = door.request(golden["method"], url + golden["path"], json=golden["body"], timeout=10)
        assert answer.status_code == golden.get("status", 200)


def test_http_goes_to_https(door: requests.Session, wanted: Doc) -> None:
    name = wanted["domains"][0]
    answer = door.get(f"http://{name}/version", timeout=10, allow_redirects=False)
    assert answer.status_code == 308, "any other lets a client repeat a POST as a GET"
    assert answer.headers["Location"] == f"https://{name}/version"


def test_headers_that_protect_are_there(door: requests.Session, url: str) -> None:
    headers = door.get(f"{url}/version", timeout=10).headers
    assert int(headers["Strict-Transport-Security"].partition("max-age=")[2].partition(";")[0]) >= 15552000
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Request-Id"]
    assert "Server" not in headers


def test_metrics_are_not_public(door: requests.Session, url: str, wanted: Doc) -> None:
    assert door.get(url + wanted["denied_path"], timeout=10).status_code in (403, 404)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_tls_is_refused(wanted: Doc, version: ssl.TLSVersion) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    # A client that would take it: without this, its own OpenSSL refuses and the test could not fail.
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    name = wanted["domains"][0]
    with (
        socket.create_connection((name, 443), timeout=10) as raw,
        pytest.raises(ssl.SSLError),
        context.wrap_socket(raw, server_hostname=name),
    ):
        pass


def test_http_2_is_offered(wanted: Doc) -> None:
    context = ssl.create_default_context(cafile=wanted["ca_path"] or None)
    context.set_alpn_protocols(["h2"])
    name = wanted["domains"][0]
    with (
        socket.create_connection((name, 443), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname=name) as tls,
    ):
        assert tls.selected_alpn_protocol() == "h2"


def test_the_certificate_is_for_the_names_and_fresh(certificate: x509.Certificate, wanted: Doc) -> None:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(names.get_values_for_type(x509.DNSName)) >= set(wanted["domains"])
    left = certificate.not_valid_after_utc - datetime.now(timezone.utc)
    life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    # Renewal begins before this; short-lived certificates are renewed by their own share of life.
    assert left > min(timedelta(days=int(wanted["renew_days"]) - 7), life / 4)


def test_the_served_certificate_is_the_one_on_disk(host: Host, certificate: x509.Certificate, wanted: Doc) -> None:
    path = f"{wanted['certificates_dir']}/{wanted['domains'][0]}.pem"
    serial = host.check_output("openssl x509 -noout -serial -in %s", path).partition("=")[2]
    assert int(serial, 16) == certificate.serial_number
    assert host.file(path).mode == 0o600
    assert host.file(path).user == "root"


def test_renewal_is_armed(host: Host) -> None:
    assert host.service("certbot.timer").is_enabled
    assert host.service("certbot.timer").is_running
