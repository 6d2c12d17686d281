"""What a certificate and its renewal by certbot are, what they have to be, and how the two are brought together.

Used by slipway-haproxy, which lies beside it. certbot does not run this file, for it is not executable.
"""

from __future__ import annotations

import datetime
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

LETSENCRYPT = Path("/etc/letsencrypt")
# certbot's own rule where its renewal configuration says nothing.
DEFAULT_RENEW_BEFORE = "30 days"
KEY_TYPES = {"id-ecPublicKey": "ecdsa", "rsaEncryption": "rsa"}


class Problem(Exception):
    """One sentence: what failed and why."""


# --- pure ---


def parse_certificate(text: str) -> dict[str, Any]:
    """Read what `openssl x509 -noout -subject -issuer -startdate -enddate -text` prints."""
    fields = dict(re.findall(r"^(subject|issuer|notBefore|notAfter)=(.*)$", text, re.MULTILINE))
    begin, end = (
        datetime.datetime.strptime(fields[name].strip(), "%b %d %H:%M:%S %Y %Z").replace(tzinfo=datetime.timezone.utc)
        for name in ("notBefore", "notAfter")
    )
    key = re.search(r"Public Key Algorithm: (\S+)", text)
    return {
        "names": re.findall(r"DNS:([^,\s]+)", text),
        "self_signed": fields["subject"].strip() == fields["issuer"].strip(),
        "begin": begin,
        "end": end,
        "key_type": KEY_TYPES.get(key.group(1), key.group(1)) if key else "",
    }


def parse_renewal(text: str) -> dict[str, str]:
    """The settings of a renewal configuration, whatever their section; empty if certbot has none."""
    return dict(re.findall(r"^(\w+) = (.*?),?\s*$", text, re.MULTILINE))


def other_way(settings: dict[str, Any], renewal: dict[str, str]) -> list[str]:
    """In what certbot would renew otherwise than wanted. certbot leaves out what is its default, so silence is consent,
    but for the port: without it certbot would answer on 80, which is HAProxy's."""
    if not renewal:
        return []
    silent = {key: value for key, value in settings["renewal"].items() if key != "http01_port"}
    have = {**silent, **renewal}
    wanted = {"server": settings["directory_url"], **settings["renewal"]}
    return [
        f"{key} is {have.get(key, 'not set')}, wanted {value}"
        for key, value in wanted.items()
        if have.get(key) != value
    ]


def judge(
    settings: dict[str, Any], certificate: dict[str, Any] | None, renewal: dict[str, str], now: datetime.datetime
) -> tuple[str, bool]:
    """Why a certificate must be issued (empty: it need not), and whether certbot's own copy must be renewed for it."""
    differences = other_way(settings, renewal)
    force = bool(differences)
    if certificate is None:
        return f"{settings['certificate']} holds no certificate", force
    if certificate["self_signed"]:
        return f"{settings['certificate']} is self-signed", force
    if different := sorted(set(settings["domains"]) ^ set(certificate["names"])):
        return f"names differ: {', '.join(different)}", force
    if differences:
        return f"certbot would renew it otherwise: {'; '.join(differences)}", True
    if certificate["key_type"] != settings["renewal"]["key_type"]:
        return f"its key is {certificate['key_type']}, wanted {settings['renewal']['key_type']}", True
    left = certificate["end"] - now
    if left < min(datetime.timedelta(days=settings["renew_before_days"]), life(certificate) / 3):
        return f"it ends in {left.total_seconds() / 86400:.1f} days", True
    return "", False


def life(certificate: dict[str, Any]) -> datetime.timedelta:
    """From its first second to its last."""
    span: datetime.timedelta = certificate["end"] - certificate["begin"] + datetime.timedelta(seconds=1)
    return span


def renew_before(settings: dict[str, Any], certificate: dict[str, Any]) -> str:
    """
    When certbot's timer renews (renew_before_expiry): 30 days before the end, as ever, and not later than the role. Not
    before the last third of a life, though; or the last half, if it is of less than ten days, as certbot 4 has it.
    """
    span = life(certificate)
    share = span / (2 if span < datetime.timedelta(days=10) else 3)
    hours = int(min(datetime.timedelta(days=max(30, settings["renew_before_days"])), share).total_seconds() // 3600)
    return f"{hours // 24} days" if hours % 24 == 0 and hours else f"{max(hours, 1)} hours"


def with_renew_before(text: str, interval: str) -> str:
    """A renewal configuration that says so; a default that it need not say is left out."""
    lines = [line for line in text.splitlines() if not re.match(r"renew_before_expiry\s*=", line)]
    if interval != DEFAULT_RENEW_BEFORE:
        # Before the first section, where certbot looks for it.
        lines.insert(
            next((at for at, line in enumerate(lines) if re.match(r"\w", line)), 0), f"renew_before_expiry = {interval}"
        )
    return "\n".join(lines) + "\n"


# --- the outside ---


def read_text(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


def write_text(path: Path, text: str) -> None:
    """In one step, with the mode that it had."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text)
    if path.exists():
        temporary.chmod(path.stat().st_mode & 0o777)
    temporary.rename(path)


def read_certificate(path: Path) -> dict[str, Any] | None:
    """The leaf in a PEM file; None if there is none."""
    fields = ["-noout", "-subject", "-issuer", "-startdate", "-enddate", "-text"]
    command = ["openssl", "x509", "-in", str(path), *fields]
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False, env=environment)
    return parse_certificate(done.stdout) if done.returncode == 0 else None


def renewal_file(settings: dict[str, Any]) -> Path:
    return LETSENCRYPT / "renewal" / f"{settings['name']}.conf"


def read_renewal(settings: dict[str, Any]) -> dict[str, str]:
    return parse_renewal(read_text(renewal_file(settings)))


def late_timer(settings: dict[str, Any]) -> str:
    """Why certbot's timer would renew what it has at another time than wanted; empty: it would not, or has nothing."""
    renewal = read_renewal(settings)
    certificate = read_certificate(LETSENCRYPT / "live" / settings["name"] / "fullchain.pem") if renewal else None
    if certificate is None:
        return ""
    has, wanted = renewal.get("renew_before_expiry", DEFAULT_RENEW_BEFORE), renew_before(settings, certificate)
    return f"certbot renews {has} before the end, wanted {wanted}" if has != wanted else ""


def arm_timer(settings: dict[str, Any]) -> None:
    """Have certbot's timer renew in time for the life of the certificate that it has."""
    if late_timer(settings):
        certificate = read_certificate(LETSENCRYPT / "live" / settings["name"] / "fullchain.pem")
        path = renewal_file(settings)
        write_text(path, with_renew_before(path.read_text(), renew_before(settings, certificate or {})))


# --- the account's address ---

# What the authority was told last, for authorities need not give it back: {account: address}.
TOLD = LETSENCRYPT / "slipway-account.json"


def address_told(renewal: dict[str, str]) -> str:
    """The address that the authority has for the account of this certificate; empty: none."""
    account, server = renewal.get("account", ""), renewal.get("server", "")
    told = json.loads(read_text(TOLD) or "{}")
    if account in told:
        return str(told[account])
    path = LETSENCRYPT / "accounts" / re.sub("^https?://", "", server) / account / "regr.json"
    contacts = json.loads(read_text(path) or "{}").get("body", {}).get("contact") or []
    return ", ".join(str(it).removeprefix("mailto:") for it in contacts)


def other_address(settings: dict[str, Any]) -> str:
    """Why the authority must be told of another address; empty: it need not, or there is no account yet."""
    renewal = read_renewal(settings)
    if "account" not in renewal or renewal.get("server") != settings["directory_url"]:
        return ""
    told = address_told(renewal)
    return "" if told == settings["email"] else f"the account's address is '{told}', wanted '{settings['email']}'"


def tell_address(settings: dict[str, Any]) -> None:
    """Raises Problem if the authority was not told."""
    renewal = read_renewal(settings)
    address = ["--email", settings["email"]] if settings["email"] else ["--register-unsafely-without-email"]
    words = ["--non-interactive", "--no-eff-email", "--server", renewal["server"], "--account", renewal["account"]]
    done = subprocess.run(
        ["certbot", "update_account", *words, *address], capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode:
        raise Problem(f"certbot update_account: {(done.stderr or done.stdout).strip()}")
    write_text(TOLD, json.dumps({renewal["account"]: settings["email"]}) + "\n")
