"""
Install certbot's certificate in HAProxy at run time, without a reload.

certbot runs `releasectl certificate install` after each renewal, and its service runs `retry` after each run: for
certbot a renewal is a success even if its hook has failed, and it does not run the hook again before the next renewal.
"""

from __future__ import annotations

import datetime
import hashlib
import os
import re
import socket
import ssl
import time
from typing import Any

from ..documents.host_settings import TlsSettings
from ..host.files import read_text, write_atomic
from ..model.errors import Code, Failure
from .certbot import Certbot, judge, read_certificate
from .runtime_socket import NotRunning, Runtime

PEM = re.compile(r"-----BEGIN ([A-Z ]+)-----.+?-----END \1-----", re.DOTALL)
MODE = 0o600
POLL_S = 0.1


def join_pem(chain: str, key: str) -> str:
    """Leaf, intermediates, key; without blank lines, which would end the text early on HAProxy's socket."""
    blocks = [match.group(0) for text in (chain, key) for match in PEM.finditer(text)]
    return "\n".join("\n".join(line.strip() for line in block.splitlines() if line.strip()) for block in blocks) + "\n"


def fingerprint(pem: str) -> str:
    """SHA-256 of the leaf, in hexadecimal; empty if the text holds no certificate."""
    for match in PEM.finditer(pem):
        if match.group(1) == "CERTIFICATE":
            return hashlib.sha256(ssl.PEM_cert_to_DER_cert(match.group(0))).hexdigest()
    return ""


def served_fingerprint(settings: TlsSettings) -> str:
    """SHA-256 of the leaf that HAProxy serves; empty if nothing answers."""
    served = served_certificate(settings)
    return hashlib.sha256(served).hexdigest() if served else ""


def served_certificate(settings: TlsSettings) -> bytes:
    """The leaf that HAProxy serves (DER); empty if nothing answers."""
    host, port = settings.served_at.rsplit(":", 1)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Any certificate is accepted: the self-signed one of the first converge is not trusted, and must be recognised.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, int(port)), timeout=settings.timeout_s) as raw,
            context.wrap_socket(raw, server_hostname=settings.name.replace("*", "any", 1)) as tls,
        ):
            return tls.getpeercert(binary_form=True) or b""
    except OSError:
        return b""


def write_certificate(path: str, pem: str) -> None:
    """Never half written, never readable by others. Raises Failure if certificate and key do not match, OSError."""
    write_atomic(path, pem, MODE, check=_check_pair)


def _check_pair(path: str) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path)
    except ssl.SSLError as error:
        raise Failure(Code.UNEXPECTED, f"certbot's certificate and key do not match: {error}") from error


def swap(settings: TlsSettings, pem: str) -> str:
    """Make the running HAProxy serve `pem`; returns the outcome for people. Raises Failure."""
    path, runtime = settings.certificate, Runtime(settings.haproxy_socket, "")
    try:
        answer = runtime.ask([f"set ssl cert {path} <<\n{pem}"], timeout_s=settings.timeout_s)
    except NotRunning:
        return "HAProxy is not running and will read it when it starts"
    if "ransaction" in answer:
        answer = runtime.ask([f"commit ssl cert {path}"], timeout_s=settings.timeout_s) or "no answer"
    if "Success" not in answer:
        runtime.ask([f"abort ssl cert {path}"], timeout_s=settings.timeout_s)
        raise Failure(Code.UNEXPECTED, f"HAProxy refused it at run time ({' '.join(answer.split())})")
    end = time.monotonic() + settings.timeout_s
    while (served := served_fingerprint(settings)) != fingerprint(pem):
        if time.monotonic() > end:
            raise Failure(
                Code.UNEXPECTED,
                f"HAProxy accepted it, but {settings.served_at} serves {served[:16] or 'nothing'} instead",
            )
        time.sleep(POLL_S)
    return f"HAProxy serves it at {settings.served_at}"


def install_reason(settings: TlsSettings, certbot: Certbot) -> str:
    """Why certbot's certificate must be installed; empty if it need not be, or if there is none."""
    path = settings.certificate
    desired, current = fingerprint(read_text(certbot.fullchain) or ""), fingerprint(read_text(path) or "")
    if desired and desired != current:
        return f"{path} is not the certificate that certbot has"
    if served_fingerprint(settings) not in ("", current):
        return f"{settings.served_at} serves another certificate than {path}"
    return certbot.timer_drift()


def state(settings: TlsSettings, certbot: Certbot) -> dict[str, Any]:
    """What a converge would do, empty values where nothing: the output of `certificate state`."""
    now = datetime.datetime.now(datetime.timezone.utc)
    issue, force = judge(settings, read_certificate(settings.certificate), certbot.renewal(), now)
    return {
        "issue": issue,
        "force": force,
        "install": "" if issue else install_reason(settings, certbot),
        "account": "" if issue else certbot.address_drift(),
    }


def install(settings: TlsSettings, certbot: Certbot, lineage: str) -> str:
    """Install the certificate of `lineage`; returns the outcome for people. Raises Failure (code 1)."""
    path = settings.certificate
    if os.path.basename(os.path.normpath(lineage)) != settings.name:
        return f"{lineage} is not HAProxy's certificate ({settings.name}): nothing to do."
    try:
        pem = join_pem(*(_read(os.path.join(lineage, name)) for name in ("fullchain.pem", "privkey.pem")))
        write_certificate(path, pem)
        certbot.arm_timer()
    except (OSError, Failure) as error:
        raise Failure(
            Code.UNEXPECTED,
            f"Failed to install the certificate in {path}: {error}. The previous one is still served.",
            "Fix the cause, then: systemctl start certbot (which also retries by itself, every two hours)",
        ) from error
    try:
        return f"{path} is new ({fingerprint(pem)[:16]}): {swap(settings, pem)}."
    except Failure as failure:
        raise Failure(
            Code.UNEXPECTED, f"Failed to serve the new {path}: {failure}.", "Next: systemctl reload haproxy"
        ) from failure


def _read(path: str) -> str:
    """Raises OSError also if there is no such file."""
    with open(path, encoding="utf-8") as file:
        return file.read()


def update_account(settings: TlsSettings, certbot: Certbot) -> None:
    """Raises Failure (code 1)."""
    try:
        certbot.update_address()
    except (OSError, Failure) as error:
        raise Failure(
            Code.UNEXPECTED,
            f"Failed to set the account's address at {settings.directory_url} to '{settings.email}' (tls_email):"
            f" {error}. The certificate is not affected.",
            "Next: ansible-playbook site.yml --limit HOST --tags tls",
        ) from error
