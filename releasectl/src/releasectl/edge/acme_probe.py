"""
Check that port 80 of each name leads to this host, as an ACME server would find it: answer http-01 challenges on the
loopback for a moment, as certbot would, and request one by its public name.
"""

from __future__ import annotations

import secrets
import socket
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ..documents.host_settings import TlsSettings
from ..model.errors import Code, Failure

PREFIX = "/.well-known/acme-challenge/"


def probe(settings: TlsSettings) -> None:
    """Raises Failure (code 1) that names every address that does not lead here."""
    if "http01_port" not in settings.renewal:
        raise Failure(Code.USAGE, f"the challenge is {settings.renewal['authenticator']}, which does not use port 80")
    port, token = int(settings.renewal["http01_port"]), secrets.token_urlsafe(24)
    try:
        server = serve(port, token)
    except OSError as error:
        raise Failure(
            Code.UNEXPECTED,
            f"Failed to listen on 127.0.0.1:{port}: {error}.",
            f"Is certbot already running? ss -ltnp 'sport = :{port}'",
        ) from error
    try:
        problems = [text for name in settings.domains if (text := problem(name, token, settings.timeout_s))]
    finally:
        server.shutdown()
        server.server_close()
    if problems:
        raise Failure(
            Code.UNEXPECTED,
            "\n".join(f"No certificate was requested: {text}." for text in problems),
            "Next: ansible-playbook site.yml --limit HOST --tags tls",
        )


def serve(port: int, token: str) -> ThreadingHTTPServer:
    """Answer `token` for the challenge of that name, in the background."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 5

        def do_GET(self) -> None:
            body = token.encode()
            self.send_response(200 if self.path == PREFIX + token else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def problem(name: str, token: str, timeout_s: float, port: int = 80) -> str | None:
    """Why http://`name` does not lead to this host; None if it does. `port` is another one only in tests."""
    try:
        addresses = sorted({str(info[4][0]) for info in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)})
    except socket.gaierror as error:
        return (
            f"{name} does not resolve ({error.strerror}). Create its DNS record, delegate its zone (terraform output"
            " name_servers) and wait for its TTL"
        )
    where = f"port {port} of {name} ({', '.join(addresses)})"
    # No proxy: the ACME server uses none either.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    authority = name if port == 80 else f"{name}:{port}"
    try:
        with opener.open(f"http://{authority}{PREFIX}{token}", timeout=timeout_s) as response:
            body = response.read(1000)
    except urllib.error.HTTPError as error:
        return (
            f"{where} answers {error.code} for a challenge: it is another host, or HAProxy does not route {PREFIX} to"
            " the port in tls_acme_port (edge_acme_port must be the same)"
        )
    except OSError as error:
        return (
            f"{where} could not be reached within {timeout_s:g} s ({error}). Open it to everyone (security group,"
            " firewall), and check that HAProxy runs: systemctl status haproxy"
        )
    return None if body == token.encode() else f"{where} is answered by something other than this host"
