"""AWS, a registry and a service behind one TLS server of a private CA, and a CONNECT proxy that leads there."""

from __future__ import annotations

import base64
import datetime
import json
import select
import socket
import ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

API, REGISTRY, S3, SERVICE = "api.slipway.test", "registry.slipway.test", "s3.slipway.test", "www.slipway.test"
BUCKET = "models"
NAMES = (API, REGISTRY, S3, f"{BUCKET}.{S3}", SERVICE, "localhost")
TOKEN = base64.b64encode(b"AWS:s3cret").decode()
DIGEST = "sha256:" + "a" * 64
MODEL = {"name": "m", "version": "m1", "sha256": "0" * 64, "golden": [{"name": "one"}]}


class Authority:
    """A private CA, whose certificate is in `bundle`, and a pair for the names above."""

    def __init__(self, directory: Path, name: str) -> None:
        self.bundle, self.pair = directory / f"{name}.pem", directory / f"{name}-pair.pem"
        issuer, key = (
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]),
            ec.generate_private_key(ec.SECP256R1()),
        )
        root = certificate(issuer, issuer, key, key).add_extension(x509.BasicConstraints(True, None), True)
        self.bundle.write_bytes(pem(root.sign(key, hashes.SHA256())))
        own = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "slipway.test")])
        names = x509.SubjectAlternativeName([x509.DNSName(it) for it in NAMES])
        leaf = certificate(subject, issuer, own, key).add_extension(names, False)
        private = own.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self.pair.write_bytes(pem(leaf.sign(key, hashes.SHA256())) + private)


def certificate(subject: x509.Name, issuer: x509.Name, key: Any, issuer_key: Any) -> x509.CertificateBuilder:
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    builder = x509.CertificateBuilder(
        issuer, subject, key.public_key(), x509.random_serial_number(), now - day, now + day
    )
    theirs = x509.SubjectKeyIdentifier.from_public_key(issuer_key.public_key())
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False).add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(theirs), False
    )


def pem(made: x509.Certificate) -> bytes:
    return made.public_bytes(serialization.Encoding.PEM)


class Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that break off are what some tests are about."""


class Cloud(Quiet):
    """`seen`: host, method, path and Authorization of each request."""

    def __init__(self, authority: Authority | None = None) -> None:
        super().__init__(("127.0.0.1", 0), CloudHandler)
        self.seen: list[tuple[str, str, str, str]] = []
        if authority:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(authority.pair)
            # The handshake is the thread's own: a client that breaks it off holds up nobody.
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)


class CloudHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Cloud

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        host = self.headers["Host"]
        self.server.seen.append((host, self.command, self.path, self.headers.get("Authorization", "")))
        if "X-Amz-Target" in self.headers:
            self.say(200, {"authorizationData": [{"authorizationToken": TOKEN}]}, "application/x-amz-json-1.1")
        elif self.path.startswith("/v2/"):
            self.say(201 if body else 200, {"schemaVersion": 2}, "application/vnd.oci.image.manifest.v1+json")
        elif self.path.endswith("/manifest.json"):
            self.say(200, MODEL)
        else:
            self.say(200, {"version": "v1.1.0"})

    do_GET = do_HEAD = do_POST = do_PUT = answer

    def say(self, status: int, document: Any, kind: str = "application/json") -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Docker-Content-Digest", DIGEST)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *words: Any) -> None:
        pass


class Proxy(Quiet):
    """Knows CONNECT alone, and leads to `port` whatever is asked for. `asked`: host:port of each tunnel."""

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), ProxyHandler)
        self.port, self.asked = port, list[str]()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class ProxyHandler(BaseHTTPRequestHandler):
    server: Proxy

    def do_CONNECT(self) -> None:
        self.server.asked.append(self.path)
        with socket.create_connection(("127.0.0.1", self.server.port)) as there:
            self.send_response(200)
            self.end_headers()
            here = self.connection
            while True:
                for side in select.select([here, there], [], [])[0]:
                    data = side.recv(65536)
                    if not data:
                        return
                    (there if side is here else here).sendall(data)

    def log_message(self, *words: Any) -> None:
        pass
