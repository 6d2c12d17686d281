"""For the tests of HAProxy's certificate: real certificates, settings, and a HAProxy that answers on a socket."""

from __future__ import annotations

import contextlib
import datetime
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from releasectl.documents.host_settings import TlsSettings

NAME = "inference.example.com"
NOW = datetime.datetime(2026, 6, 1, 12, tzinfo=datetime.timezone.utc)
HTTP = {"authenticator": "standalone", "http01_address": "127.0.0.1", "http01_port": "8888", "key_type": "ecdsa"}
DNS = {"authenticator": "dns-route53", "key_type": "ecdsa"}
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


def document(**changes: Any) -> dict[str, Any]:
    """tls.json as the role writes it."""
    return {
        "name": NAME, "domains": [NAME], "directory_url": "https://acme.example.com/directory", "email": "",
        "renewal": HTTP, "renew_before_days": 20, "certificate": f"/etc/haproxy/certs/{NAME}.pem",
        "haproxy_socket": "/run/haproxy/admin.sock", "served_at": "127.0.0.1:443", "timeout_s": 10, **changes,
    }  # fmt: skip


def settings(**changes: Any) -> TlsSettings:
    doc = document(**changes)
    return TlsSettings(**{**doc, "domains": tuple(doc["domains"])})


def pair(life: timedelta, left: timedelta, key_type: str = "ecdsa", self_signed: bool = False) -> tuple[str, str]:
    """Certificate and key. It ends `left` after NOW; its last second counts as well (RFC 5280)."""
    key = rsa.generate_private_key(65537, 2048) if key_type == "rsa" else ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    issuer = subject if self_signed else x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Test authority")])
    builder = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + left - life).not_valid_after(NOW + left - timedelta(seconds=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
    )  # fmt: skip
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    format_, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return pem.decode(), key.private_bytes(serialization.Encoding.PEM, format_, plain).decode()


def certificate(path: Path, life: timedelta, left: timedelta, **options: Any) -> Path:
    path.write_text(pair(life, left, **options)[0])
    return path


@contextmanager
def runtime_socket(path: Path, answer: Callable[[str], str]) -> Iterator[list[str]]:
    """HAProxy's runtime socket: gives `answer(command)`, and lists the commands that it received."""
    received: list[str] = []
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        command = b""
                        while chunk := connection.recv(65536):
                            command += chunk
                        received.append(command.decode())
                        connection.sendall(answer(received[-1]).encode())

        threading.Thread(target=serve, daemon=True).start()
        yield received
        # Closing alone would not wake the thread.
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
    path.unlink()
