"""
certbot's renewal configuration and account: what they are, what they must be, and how they get there. Pure functions
first, then those that read and write below /etc/letsencrypt.
"""

from __future__ import annotations

import datetime
import json
import os
import re
from collections.abc import Mapping

from ..documents.host_settings import TlsSettings
from ..host.command import run
from ..host.files import read_text, write_atomic
from ..model.errors import Code, Failure
from ..startup.fast_dataclass import dataclass

DEFAULT_RENEW_BEFORE = "30 days"
"""certbot's own rule where its renewal configuration has none."""
KEY_TYPES = {"id-ecPublicKey": "ecdsa", "rsaEncryption": "rsa"}
OPENSSL_TIMEOUT_S, CERTBOT_TIMEOUT_S = 10.0, 120.0


@dataclass(frozen=True)
class Certificate:
    """The leaf of a PEM file."""

    names: tuple[str, ...]
    self_signed: bool
    begin: datetime.datetime
    end: datetime.datetime
    key_type: str

    @property
    def life(self) -> datetime.timedelta:
        """From its first second to its last, both included (RFC 5280)."""
        return self.end - self.begin + datetime.timedelta(seconds=1)


def parse_certificate(text: str) -> Certificate:
    """From the output of `openssl x509 -noout -subject -issuer -startdate -enddate -text`."""
    fields = dict(re.findall(r"^(subject|issuer|notBefore|notAfter)=(.*)$", text, re.MULTILINE))
    begin, end = (
        datetime.datetime.strptime(fields[name].strip(), "%b %d %H:%M:%S %Y %Z").replace(tzinfo=datetime.timezone.utc)
        for name in ("notBefore", "notAfter")
    )
    key = re.search(r"Public Key Algorithm: (\S+)", text)
    return Certificate(
        names=tuple(re.findall(r"DNS:([^,\s]+)", text)),
        self_signed=fields["subject"].strip() == fields["issuer"].strip(),
        begin=begin,
        end=end,
        key_type=KEY_TYPES.get(key.group(1), key.group(1)) if key else "",
    )


def parse_renewal(text: str) -> dict[str, str]:
    """The parameters of a renewal configuration, whatever their section; empty if certbot has none."""
    return dict(re.findall(r"^(\w+) = (.*?),?\s*$", text, re.MULTILINE))


def drift(settings: TlsSettings, renewal: Mapping[str, str]) -> list[str]:
    """
    The parameters by which certbot would renew differently from the settings. certbot leaves out its defaults, so a
    missing parameter is in the desired state, except the port: without it certbot would answer on 80, HAProxy's own.
    """
    if not renewal:
        return []
    defaults = {key: value for key, value in settings.renewal.items() if key != "http01_port"}
    current = {**defaults, **renewal}
    desired = {"server": settings.directory_url, **settings.renewal}
    return [
        f"{key} is {current.get(key, 'not set')}, wanted {value}"
        for key, value in desired.items()
        if current.get(key) != value
    ]


def judge(
    settings: TlsSettings, certificate: Certificate | None, renewal: Mapping[str, str], now: datetime.datetime
) -> tuple[str, bool]:
    """Why a certificate must be issued (empty if not), and whether certbot must be forced to renew its own copy."""
    differences = drift(settings, renewal)
    force = bool(differences)
    if certificate is None:
        return f"{settings.certificate} holds no certificate", force
    if certificate.self_signed:
        return f"{settings.certificate} is self-signed", force
    if names := sorted(set(settings.domains) ^ set(certificate.names)):
        return f"names differ: {', '.join(names)}", force
    if differences:
        return f"certbot would renew it differently: {'; '.join(differences)}", True
    if certificate.key_type != settings.renewal["key_type"]:
        return f"its key is {certificate.key_type}, wanted {settings.renewal['key_type']}", True
    left = certificate.end - now
    if left < min(datetime.timedelta(days=settings.renew_before_days), certificate.life / 3):
        return f"it ends in {left.total_seconds() / 86400:.1f} days", True
    return "", False


def renew_before(settings: TlsSettings, certificate: Certificate) -> str:
    """
    When certbot's timer renews (renew_before_expiry): 30 days before the end, certbot's default, and not later than the
    role. But not before the last third of a life, or the last half of one below ten days, as in certbot 4.
    """
    share = certificate.life / (2 if certificate.life < datetime.timedelta(days=10) else 3)
    margin = min(datetime.timedelta(days=max(30, settings.renew_before_days)), share)
    hours = int(margin.total_seconds() // 3600)
    return f"{hours // 24} days" if hours % 24 == 0 and hours else f"{max(hours, 1)} hours"


def with_renew_before(text: str, interval: str) -> str:
    """The renewal configuration with that interval; certbot's default is left out."""
    lines = [line for line in text.splitlines() if not re.match(r"renew_before_expiry\s*=", line)]
    if interval != DEFAULT_RENEW_BEFORE:
        # Before the first section, where certbot looks for it.
        first = next((at for at, line in enumerate(lines) if re.match(r"\w", line)), 0)
        lines.insert(first, f"renew_before_expiry = {interval}")
    return "\n".join(lines) + "\n"


def read_certificate(path: str) -> Certificate | None:
    """The leaf in a PEM file; None if there is none."""
    fields = ["-noout", "-subject", "-issuer", "-startdate", "-enddate", "-text"]
    done = run(["openssl", "x509", "-in", path, *fields], OPENSSL_TIMEOUT_S)
    return parse_certificate(done.out) if done.code == 0 else None


class Certbot:
    """certbot's files below `root` (/etc/letsencrypt) for the certificate of `settings`."""

    def __init__(self, settings: TlsSettings, root: str) -> None:
        self.settings = settings
        self.lineage = os.path.join(root, "live", settings.name)
        self._accounts = os.path.join(root, "accounts")
        self._renewal_file = os.path.join(root, "renewal", f"{settings.name}.conf")
        # The addresses that the ACME server has accepted, since servers need not return them: {account: address}.
        self._account_file = os.path.join(root, "slipway-account.json")

    @property
    def fullchain(self) -> str:
        return os.path.join(self.lineage, "fullchain.pem")

    def renewal(self) -> dict[str, str]:
        return parse_renewal(read_text(self._renewal_file) or "")

    def timer_drift(self) -> str:
        """Why certbot's timer would renew its certificate at the wrong time; empty if not, or without a certificate."""
        renewal = self.renewal()
        certificate = read_certificate(self.fullchain) if renewal else None
        if certificate is None:
            return ""
        current = renewal.get("renew_before_expiry", DEFAULT_RENEW_BEFORE)
        desired = renew_before(self.settings, certificate)
        return f"certbot renews {current} before the end, wanted {desired}" if current != desired else ""

    def arm_timer(self) -> None:
        """Set the renewal time that suits the life of certbot's certificate. Raises OSError."""
        if not self.timer_drift():
            return
        text, certificate = read_text(self._renewal_file), read_certificate(self.fullchain)
        if text is not None and certificate is not None:
            _replace(self._renewal_file, with_renew_before(text, renew_before(self.settings, certificate)))

    def address_drift(self) -> str:
        """Why the ACME account needs another address; empty if it does not, or if there is no account yet."""
        renewal = self.renewal()
        if "account" not in renewal or renewal.get("server") != self.settings.directory_url:
            return ""
        address, desired = self._address(renewal), self.settings.email
        return "" if address == desired else f"the account's e-mail address is '{address}', wanted '{desired}'"

    def _address(self, renewal: Mapping[str, str]) -> str:
        """The address of this certificate's account at the ACME server; empty: none."""
        account, server = renewal.get("account", ""), renewal.get("server", "")
        accepted = json.loads(read_text(self._account_file) or "{}")
        if account in accepted:
            return str(accepted[account])
        path = os.path.join(self._accounts, re.sub("^https?://", "", server), account, "regr.json")
        contacts = json.loads(read_text(path) or "{}").get("body", {}).get("contact") or []
        return ", ".join(str(contact).removeprefix("mailto:") for contact in contacts)

    def update_address(self) -> None:
        """Raises Failure if the ACME server did not accept it, OSError."""
        renewal, email = self.renewal(), self.settings.email
        if "account" not in renewal:
            raise Failure(Code.UNEXPECTED, "certbot has no account for this certificate yet")
        address = ["--email", email] if email else ["--register-unsafely-without-email"]
        options = [
            "--non-interactive",
            "--no-eff-email",
            "--server",
            renewal["server"],
            "--account",
            renewal["account"],
        ]
        done = run(["certbot", "update_account", *options, *address], CERTBOT_TIMEOUT_S)
        if done.code:
            raise Failure(Code.UNEXPECTED, f"certbot update_account: {done.message}")
        _replace(self._account_file, json.dumps({renewal["account"]: email}) + "\n")


def _replace(path: str, text: str) -> None:
    """With the mode that the file has."""
    mode = os.stat(path).st_mode & 0o777 if os.path.exists(path) else 0o644
    write_atomic(path, text, mode)
