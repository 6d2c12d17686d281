"""What makes the role issue a certificate anew, and when certbot's timer renews it: with real certificates."""

from __future__ import annotations

import datetime
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from releasectl.edge.certbot import Certbot, judge, parse_certificate, parse_renewal, read_certificate
from releasectl.model.errors import Failure

from .certificates import CONFIGURATION, DNS, HTTP, NAME, NOW, certificate, settings
from .conftest import StandIn

LIVES = [1, 6, 14, 47, 90, 365, 1825]
OPENSSL = """subject=CN = inference.example.com
issuer=C = US, O = Let's Encrypt, CN = E5
notBefore=May  9 08:01:02 2026 GMT
notAfter=Aug  7 08:01:01 2026 GMT
Certificate:
        Subject Public Key Info:
            Public Key Algorithm: {algorithm}
            X509v3 Subject Alternative Name: 
                DNS:inference.example.com, DNS:*.b.example.com
"""  # noqa: W291


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """/etc/letsencrypt."""
    for folder in ("renewal", f"live/{NAME}"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize(
    ("algorithm", "key_type"), [("id-ecPublicKey", "ecdsa"), ("rsaEncryption", "rsa"), ("ED25519", "ED25519")]
)
def test_what_openssl_prints_is_read(algorithm: str, key_type: str) -> None:
    read = parse_certificate(OPENSSL.format(algorithm=algorithm))
    assert read.names == ("inference.example.com", "*.b.example.com")
    assert (read.self_signed, read.key_type, read.life) == (False, key_type, timedelta(days=90))
    assert read.begin == datetime.datetime(2026, 5, 9, 8, 1, 2, tzinfo=datetime.timezone.utc)


@pytest.mark.parametrize("days", LIVES)
@pytest.mark.parametrize("before", [20, 10000])
def test_a_certificate_is_renewed_late_in_its_life(tmp_path: Path, days: int, before: int) -> None:
    life, margin = timedelta(days=days), min(timedelta(days=before), timedelta(days=days) / 3)
    for left, due in ((life, False), (margin + timedelta(minutes=1), False), (margin - timedelta(minutes=1), True)):
        read = read_certificate(str(certificate(tmp_path / "it.pem", life, left)))
        why, force = judge(settings(renew_before_days=before), read, parse_renewal(CONFIGURATION), NOW)
        assert (why.startswith("it ends in"), force) == (due, due), why


@pytest.mark.parametrize(
    ("days", "before", "wanted"),
    [
        (1, 20, "12 hours"), (6, 20, "3 days"), (14, 20, "112 hours"), (47, 20, "376 hours"), (90, 20, "30 days"),
        (365, 20, "30 days"), (1825, 20, "30 days"), (365, 60, "60 days"), (90, 10000, "30 days"),
    ],
)  # fmt: skip
def test_the_timer_renews_in_time_and_not_all_the_time(root: Path, days: int, before: int, wanted: str) -> None:
    """certbot 2's own rule, 30 days before the end, would renew a certificate of 6 days in each run."""
    certbot = Certbot(settings(renew_before_days=before), str(root))
    file = root / "renewal" / f"{NAME}.conf"
    file.write_text(CONFIGURATION)
    file.chmod(0o640)
    certificate(root / "live" / NAME / "fullchain.pem", timedelta(days=days), timedelta(days=days))
    certbot.arm_timer()
    assert certbot.timer_drift() == ""
    assert file.stat().st_mode & 0o777 == 0o640
    text = file.read_text()
    line = f"renew_before_expiry = {wanted}\n"
    assert (f"\n{line}" in text.partition("[renewalparams]")[0]) == (wanted != "30 days")
    assert text.replace(line, "", 1 if wanted != "30 days" else 0) == CONFIGURATION
    # The ACME server issues another life: the next renewal sets its time.
    certificate(root / "live" / NAME / "fullchain.pem", timedelta(days=90), timedelta(days=90))
    Certbot(settings(), str(root)).arm_timer()
    assert file.read_text() == CONFIGURATION


def test_without_a_certificate_of_certbot_there_is_no_timer_to_set(root: Path) -> None:
    certbot = Certbot(settings(), str(root))
    assert certbot.renewal() == {}
    certbot.arm_timer()
    (root / "renewal" / f"{NAME}.conf").write_text(CONFIGURATION)
    certbot.arm_timer()
    assert certbot.timer_drift() == ""


def judged(tmp_path: Path, configuration: str, key_type: str = "ecdsa", **changes: Any) -> tuple[str, bool]:
    life = timedelta(days=90)
    read = read_certificate(str(certificate(tmp_path / "it.pem", life, life, key_type=key_type)))
    return judge(settings(**changes), read, parse_renewal(configuration), NOW)


def test_nothing_is_issued_without_drift(tmp_path: Path) -> None:
    assert judged(tmp_path, CONFIGURATION) == ("", False)
    # certbot leaves out its defaults.
    silent = "".join(it for it in CONFIGURATION.splitlines(True) if "key_type" not in it and "address" not in it)
    assert judged(tmp_path, silent) == ("", False)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"renewal": {**HTTP, "http01_port": "8889"}}, "http01_port is 8888, wanted 8889"),
        ({"renewal": {**HTTP, "key_type": "rsa"}}, "key_type is ecdsa, wanted rsa"),
        ({"renewal": DNS}, "authenticator is standalone, wanted dns-route53"),
        ({"directory_url": "https://other.example.com/dir"}, "server is https://acme.example.com/directory, wanted"),
        ({"domains": [NAME, "b.example.com"]}, "names differ: b.example.com"),
    ],
)
def test_a_setting_that_was_changed_after_issue_is_followed(tmp_path: Path, changes: dict[str, Any], why: str) -> None:
    found, force = judged(tmp_path, CONFIGURATION, **changes)
    assert why in found
    assert force == ("names" not in why), "without force certbot would not renew what is not due"


def test_back_from_dns_and_with_several_at_once(tmp_path: Path) -> None:
    lines = [it for it in CONFIGURATION.splitlines() if not it.startswith(("http01", "pref"))]
    dns = "\n".join(lines).replace("standalone", "dns-route53")
    assert judged(tmp_path, dns, renewal=DNS) == ("", False)
    why, force = judged(tmp_path, dns, renewal={**HTTP, "key_type": "rsa"})
    for words in (
        "authenticator is dns-route53, wanted standalone",
        "http01_port is not set, wanted 8888",
        "wanted rsa",
    ):
        assert words in why
    assert force


def test_the_key_itself_counts_too(tmp_path: Path) -> None:
    assert judged(tmp_path, CONFIGURATION, key_type="rsa") == ("its key is rsa, wanted ecdsa", True)


def test_a_missing_or_self_signed_certificate_is_issued(tmp_path: Path) -> None:
    path = certificate(tmp_path / "it.pem", timedelta(days=90), timedelta(days=90), self_signed=True)
    assert "self-signed" in judge(settings(), read_certificate(str(path)), {}, NOW)[0]
    assert read_certificate(str(tmp_path / "none.pem")) is None
    assert "holds no certificate" in judge(settings(), None, {}, NOW)[0]


class TestAddress:
    """The account's address is set once, even if the ACME server does not return it."""

    REGISTRATION = "accounts/acme.example.com/directory/9feadc9f95bf7a42a644a657716d3567/regr.json"

    @pytest.fixture(autouse=True)
    def account(self, root: Path) -> None:
        (root / "renewal" / f"{NAME}.conf").write_text(CONFIGURATION)
        (root / self.REGISTRATION).parent.mkdir(parents=True)
        self.registered(root, [])

    def registered(self, root: Path, contacts: list[str]) -> None:
        (root / self.REGISTRATION).write_text(json.dumps({"body": {"contact": contacts} if contacts else {}}))

    def drift(self, root: Path, **changes: Any) -> str:
        return Certbot(settings(**changes), str(root)).address_drift()

    def test_the_right_one_is_left(self, root: Path) -> None:
        assert self.drift(root) == ""
        self.registered(root, ["mailto:ops@example.com"])
        assert self.drift(root, email="ops@example.com") == ""
        assert "is 'ops@example.com', wanted ''" in self.drift(root)

    def test_another_one_is_set_and_remembered(self, root: Path, tmp_path: Path, stand_in: StandIn) -> None:
        certbot = Certbot(settings(email="ops@example.com"), str(root))
        assert certbot.address_drift() == "the account's e-mail address is '', wanted 'ops@example.com'"
        calls = tmp_path / "calls"
        stand_in("certbot", f'echo "$@" >> {calls}; echo no route >&2; exit 1')
        with pytest.raises(Failure, match="no route"):
            certbot.update_address()
        assert certbot.address_drift(), "it was not set"
        stand_in("certbot", f'echo "$@" >> {calls}')
        certbot.update_address()
        assert certbot.address_drift() == "", "although regr.json still has none"
        Certbot(settings(), str(root)).update_address()
        assert self.drift(root) == ""
        first, second, third = calls.read_text().splitlines()
        assert first == second
        assert first.startswith("update_account ") and first.endswith(" --email ops@example.com")
        assert third.endswith(" --register-unsafely-without-email")

    def test_without_an_account_there_is_none_to_set(self, root: Path) -> None:
        assert self.drift(root, email="a@b", directory_url="https://other/dir") == ""
        assert self.drift(root, email="a@b", name="other") == ""
        with pytest.raises(Failure, match="no account"):
            Certbot(settings(name="other"), str(root)).update_address()
