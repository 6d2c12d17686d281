"""What the status says of HAProxy's certificate and configuration. Reads, and changes nothing."""

from __future__ import annotations

import os
import re
import ssl
from datetime import datetime, timezone

from ..documents.host_settings import EdgeSettings, load, read_edge, read_tls
from ..host.command import Done, Running
from ..host.files import read_text
from ..host.paths import Paths
from ..model.errors import Failure
from ..rollout.surroundings import Certificates, Leaf
from .certbot import Certbot
from .certificate import PEM, served_certificate
from .reload import HAPROXY, alerts

TIMEOUT_S = 5.0
PLACE = re.compile(r"\[(/[^\s:\]]+):(\d+)\] : (.*)")
# X.690: the identifiers of what a certificate has (RFC 5280, section 4.1).
VERSION, UTC_TIME = 0xA0, 0x17


def read_certificates(paths: Paths) -> Certificates | None:
    """None: no certificate of certbot is configured on this host."""
    try:
        settings = load(os.path.join(paths.etc, "tls.json"), read_tls)
    except Failure:
        return None
    certbot = Certbot(settings, paths.at("/etc/letsencrypt"))
    hook = paths.certbot_hook
    return Certificates(
        path=settings.certificate,
        served_at=settings.served_at,
        hook=hook,
        served=_leaf(served_certificate(settings)),
        on_disk=_leaf_of(paths.at(settings.certificate)),
        certbots=_leaf_of(certbot.fullchain),
        hook_runs=os.access(hook, os.X_OK) if os.path.exists(hook) else None,
    )


def request_config_error(paths: Paths) -> Running | None:
    """Starts HAProxy's check of its configuration; None: only root can read what it needs."""
    if os.geteuid() != 0:
        return None
    try:
        settings: EdgeSettings = load(os.path.join(paths.etc, "edge.json"), read_edge)
        return Running((HAPROXY, "-c", "-f", paths.at(settings.config)))
    except Failure:
        return None


def config_error(done: Done) -> str:
    """`haproxy.cfg:10: unknown keyword 'maxcon' in 'global' section`; empty: the configuration is valid."""
    if done.code == 0:
        return ""
    text = done.out + done.err
    places = [match for line in text.splitlines() if "[ALERT]" in line and (match := PLACE.search(line))]
    if not places:
        return f"haproxy -c: {alerts(text)}"
    path, line, message = places[0].groups()
    return f"{os.path.basename(path)}:{line}: {message.strip()}"


def _leaf_of(path: str) -> Leaf | None:
    try:
        text = read_text(path) or ""
    except OSError:
        return None
    found = next((match for match in PEM.finditer(text) if match.group(1) == "CERTIFICATE"), None)
    return _leaf(ssl.PEM_cert_to_DER_cert(found.group(0))) if found else None


def _leaf(der: bytes) -> Leaf | None:
    if not der:
        return None
    try:
        return parse_leaf(der)
    except (IndexError, ValueError):
        return None


def parse_leaf(der: bytes) -> Leaf:
    """By hand: the standard library decodes only what it has verified. Raises IndexError, ValueError."""
    fields = _items(_items(_items(der)[0][1])[0][1])
    if fields[0][0] == VERSION:
        fields = fields[1:]
    serial, _, issuer, validity, subject = (it[1] for it in fields[:5])
    begins, ends = (_time(tag, value) for tag, value in _items(validity)[:2])
    return Leaf(serial.lstrip(b"\0").hex() or "00", begins, ends, issuer == subject)


def _items(data: bytes) -> list[tuple[int, bytes]]:
    """The elements one after the other: (identifier, content). X.690, section 8.1."""
    found, at = [], 0
    while at < len(data):
        tag, size = data[at], data[at + 1]
        at += 2
        if size & 0x80:
            count = size & 0x7F
            size = int.from_bytes(data[at : at + count], "big")
            at += count
        if at + size > len(data):
            raise ValueError("the certificate is cut off")
        found.append((tag, data[at : at + size]))
        at += size
    return found


def _time(tag: int, value: bytes) -> float:
    text = value.decode("ascii").rstrip("Z")
    if tag == UTC_TIME:
        # RFC 5280, section 4.1.2.5.1.
        text = ("19" if int(text[:2]) >= 50 else "20") + text
    numbers = (int(text[at : at + size]) for at, size in ((0, 4), (4, 2), (6, 2), (8, 2), (10, 2), (12, 2)))
    year, month, day, hour, minute, second = numbers
    return datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc).timestamp()
