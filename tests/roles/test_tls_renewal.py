"""What makes the role issue a certificate anew, and when certbot's timer renews it: with real certificates."""

from __future__ import annotations

import datetime
import importlib.util
import json
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

ROOT = Path(__file__).parent.parent.parent
NAME = "inference.example.com"
NOW = datetime.datetime(2026, 6, 1, 12, tzinfo=datetime.timezone.utc)
HTTP = {"authenticator": "standalone", "http01_address": "127.0.0.1", "http01_port": "8888", "key_type": "ecdsa"}
DNS = {"authenticator": "dns-route53", "key_type": "ecdsa"}
SETTINGS: dict[str, Any] = {
    "name": NAME, "domains": [NAME], "directory_url": "https://acme.example.com/directory", "email": "",
    "renewal": HTTP, "renew_before_days": 20, "certificate": f"/etc/haproxy/certs/{NAME}.pem",
}  # fmt: skip
# As certbot 2.1 writes it.
CONFIGURATION = """# renew_before_expiry = 30 days
version = 2.1.0
archive_dir = /etc/letsencrypt/archive/inference.example.com

# Options used in the renewal process
[renewalparams]
account = 9feadc9f95bf7a42a644a657716d3567
http01_port = 8888
http01_address = 127.0.0.1
key_type = ecdsa
pref_challs = http-01,
server = https://acme.example.com/directory
authenticator = standalone
"""


@pytest.fixture
def renewal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("slipway_renewal", ROOT / "roles/tls/templates/slipway_renewal.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "LETSENCRYPT", tmp_path)
    monkeypatch.setattr(module, "TOLD", tmp_path / "slipway-account.json")
    for folder in ("renewal", f"live/{NAME}"):
        (tmp_path / folder).mkdir(parents=True)
    return module


def certificate(
    path: Path, life: timedelta, left: timedelta, key_type: str = "ecdsa", self_signed: bool = False
) -> Path:
    """A certificate that ends `left` after NOW; its second of beginning counts as well (RFC 5280)."""
    key = rsa.generate_private_key(65537, 2048) if key_type == "rsa" else ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    issuer = subject if self_signed else x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Test authority")])
    builder = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + left - life).not_valid_after(NOW + left - timedelta(seconds=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
    )  # fmt: skip
    path.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return path


LIVES = [1, 6, 14, 47, 90, 365, 1825]


@pytest.mark.parametrize("days", LIVES)
@pytest.mark.parametrize("before", [20, 10000])
def test_a_certificate_is_renewed_late_in_its_life(renewal: ModuleType, tmp_path: Path, days: int, before: int) -> None:
    settings = {**SETTINGS, "renew_before_days": before}
    life, margin = timedelta(days=days), min(timedelta(days=before), timedelta(days=days) / 3)
    for left, due in ((life, False), (margin + timedelta(minutes=1), False), (margin - timedelta(minutes=1), True)):
        read = renewal.read_certificate(certificate(tmp_path / "it.pem", life, left))
        why, force = renewal.judge(settings, read, renewal.parse_renewal(CONFIGURATION), NOW)
        assert (why.startswith("it ends in"), force) == (due, due), why


@pytest.mark.parametrize(
    ("days", "before", "wanted"),
    [
        (1, 20, "12 hours"), (6, 20, "3 days"), (14, 20, "112 hours"), (47, 20, "376 hours"), (90, 20, "30 days"),
        (365, 20, "30 days"), (1825, 20, "30 days"), (365, 60, "60 days"), (90, 10000, "30 days"),
    ],
)  # fmt: skip
def test_the_timer_renews_in_time_and_not_all_the_time(
    renewal: ModuleType, tmp_path: Path, days: int, before: int, wanted: str
) -> None:
    """Of 30 days before the end, certbot 2's own rule, a certificate of 6 days has none: it was renewed by each run."""
    settings = {**SETTINGS, "renew_before_days": before}
    file = tmp_path / "renewal" / f"{NAME}.conf"
    file.write_text(CONFIGURATION)
    file.chmod(0o640)
    certificate(tmp_path / "live" / NAME / "fullchain.pem", timedelta(days=days), timedelta(days=days))
    renewal.arm_timer(settings)
    assert renewal.late_timer(settings) == ""
    assert file.stat().st_mode & 0o777 == 0o640
    text = file.read_text()
    line = f"renew_before_expiry = {wanted}\n"
    assert (f"\n{line}" in text.partition("[renewalparams]")[0]) == (wanted != "30 days")
    assert text.replace(line, "", 1 if wanted != "30 days" else 0) == CONFIGURATION
    # The authority gives another life: the next renewal says so.
    certificate(tmp_path / "live" / NAME / "fullchain.pem", timedelta(days=90), timedelta(days=90))
    renewal.arm_timer({**settings, "renew_before_days": 20})
    assert file.read_text() == CONFIGURATION


def judged(module: ModuleType, tmp_path: Path, configuration: str, key_type: str = "ecdsa", **settings: Any) -> Any:
    life = timedelta(days=90)
    read = module.read_certificate(certificate(tmp_path / "it.pem", life, life, key_type))
    return module.judge({**SETTINGS, **settings}, read, module.parse_renewal(configuration), NOW)


def test_nothing_is_issued_where_all_is_as_wanted(renewal: ModuleType, tmp_path: Path) -> None:
    assert judged(renewal, tmp_path, CONFIGURATION) == ("", False)
    # certbot leaves out what is its default.
    silent = "".join(it for it in CONFIGURATION.splitlines(True) if "key_type" not in it and "address" not in it)
    assert judged(renewal, tmp_path, silent) == ("", False)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"renewal": {**HTTP, "http01_port": "8889"}}, "http01_port is 8888, wanted 8889"),
        ({"renewal": {**HTTP, "key_type": "rsa"}}, "key_type is ecdsa, wanted rsa"),
        ({"renewal": DNS}, "authenticator is standalone, wanted dns-route53"),
        ({"directory_url": "https://other.example.com/dir"}, "server is https://acme.example.com/directory, wanted"),
        ({"domains": [NAME, "b.example.com"]}, "names differ: b.example.com"),
    ],
)
def test_a_setting_that_was_changed_after_issue_is_followed(
    renewal: ModuleType, tmp_path: Path, settings: dict[str, Any], why: str
) -> None:
    found, force = judged(renewal, tmp_path, CONFIGURATION, **settings)
    assert why in found
    assert force == ("names" not in why), "certbot would say that it is not due"


def test_back_from_dns_and_with_several_at_once(renewal: ModuleType, tmp_path: Path) -> None:
    lines = [it for it in CONFIGURATION.splitlines() if not it.startswith(("http01", "pref"))]
    dns = "\n".join(lines).replace("standalone", "dns-route53")
    assert judged(renewal, tmp_path, dns, renewal=DNS) == ("", False)
    why, force = judged(renewal, tmp_path, dns, renewal={**HTTP, "key_type": "rsa"})
    for words in (
        "authenticator is dns-route53, wanted standalone",
        "http01_port is not set, wanted 8888",
        "wanted rsa",
    ):
        assert words in why
    assert force


def test_the_key_itself_counts_too(renewal: ModuleType, tmp_path: Path) -> None:
    assert judged(renewal, tmp_path, CONFIGURATION, key_type="rsa") == ("its key is rsa, wanted ecdsa", True)


def test_what_is_missing_or_self_signed_is_issued(renewal: ModuleType, tmp_path: Path) -> None:
    path = certificate(tmp_path / "it.pem", timedelta(days=90), timedelta(days=90), self_signed=True)
    assert "self-signed" in renewal.judge(SETTINGS, renewal.read_certificate(path), {}, NOW)[0]
    assert renewal.read_certificate(tmp_path / "none.pem") is None
    assert "holds no certificate" in renewal.judge(SETTINGS, None, {}, NOW)[0]


class TestAddress:
    """The account's address is told once, also where the authority does not give it back."""

    REGISTRATION = "accounts/acme.example.com/directory/9feadc9f95bf7a42a644a657716d3567/regr.json"

    @pytest.fixture(autouse=True)
    def account(self, renewal: ModuleType, tmp_path: Path) -> None:
        (tmp_path / "renewal" / f"{NAME}.conf").write_text(CONFIGURATION)
        (tmp_path / self.REGISTRATION).parent.mkdir(parents=True)
        self.registered(tmp_path, [])

    def registered(self, tmp_path: Path, contacts: list[str]) -> None:
        (tmp_path / self.REGISTRATION).write_text(json.dumps({"body": {"contact": contacts} if contacts else {}}))

    def test_the_one_that_it_has_is_left(self, renewal: ModuleType, tmp_path: Path) -> None:
        assert renewal.other_address(SETTINGS) == ""
        self.registered(tmp_path, ["mailto:ops@example.com"])
        assert renewal.other_address({**SETTINGS, "email": "ops@example.com"}) == ""
        assert "is 'ops@example.com', wanted ''" in renewal.other_address(SETTINGS)

    def test_another_one_is_told_and_remembered(
        self, renewal: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings, asked = {**SETTINGS, "email": "ops@example.com"}, []
        assert renewal.other_address(settings) == "the account's address is '', wanted 'ops@example.com'"

        def run(argv: list[str], **more: Any) -> Any:
            asked.append(argv)
            return renewal.subprocess.CompletedProcess(argv, len(asked) == 1, "", "no route")

        monkeypatch.setattr(renewal.subprocess, "run", run)
        with pytest.raises(renewal.Problem, match="no route"):
            renewal.tell_address(settings)
        assert renewal.other_address(settings), "it was not told"
        renewal.tell_address(settings)
        assert asked[0] == asked[1]
        assert asked[0][:2] == ["certbot", "update_account"]
        assert asked[0][-2:] == ["--email", "ops@example.com"]
        assert renewal.other_address(settings) == "", "and regr.json still has none"
        renewal.tell_address(SETTINGS)
        assert asked[2][-1] == "--register-unsafely-without-email"
        assert renewal.other_address(SETTINGS) == ""

    def test_without_an_account_there_is_none_to_tell(self, renewal: ModuleType) -> None:
        assert renewal.other_address({**SETTINGS, "email": "a@b", "directory_url": "https://other/dir"}) == ""
        assert renewal.other_address({**SETTINGS, "email": "a@b", "name": "other"}) == ""
