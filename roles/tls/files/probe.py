#!/usr/bin/env python3
"""Does port 80 of each name lead to this host? Usage: probe.py PORT TIMEOUT_S NAME…

Answers http-01 challenges on 127.0.0.1:PORT for a moment, as certbot would, and asks for one by its public name.
"""

from __future__ import annotations

import secrets
import socket
import sys
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PREFIX = "/.well-known/acme-challenge/"


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


def complaint(name: str, token: str, timeout_s: float) -> str | None:
    """What is wrong with the way from http://`name` to this host; None: nothing."""
    try:
        addresses = sorted({str(info[4][0]) for info in socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM)})
    except socket.gaierror as error:
        return f"{name} does not resolve ({error.strerror}). Make its DNS record (terraform output), wait for its TTL"
    where = f"{name} ({', '.join(addresses)})"
    # No proxy: the authority uses none either.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{name}{PREFIX}{token}", timeout=timeout_s) as response:
            body = response.read(1000)
    except urllib.error.HTTPError as error:
        return (
            f"port 80 of {where} answers {error.code} for a challenge: it is another host, or the edge does not send"
            f" {PREFIX} to the port in tls_acme_port (edge_acme_port must be the same)"
        )
    except OSError as error:
        return (
            f"port 80 of {where} was not reached in {timeout_s:g} s ({error}). Open it to everyone (security group,"
            " firewall), and see that HAProxy runs: systemctl status haproxy"
        )
    return None if body == token.encode() else f"port 80 of {where} is answered by something else than this host"


def main(arguments: list[str]) -> int:
    port, timeout_s, names = int(arguments[0]), float(arguments[1]), arguments[2:]
    token = secrets.token_urlsafe(24)
    try:
        server = serve(port, token)
    except OSError as error:
        hint = f"Does certbot run already? ss -ltnp 'sport = :{port}'"
        print(f"Failed to listen on 127.0.0.1:{port}: {error}. {hint}", file=sys.stderr)
        return 1
    complaints = [text for name in names if (text := complaint(name, token, timeout_s))]
    server.shutdown()
    for text in complaints:
        print(f"The authority was not asked: {text}. Next: ansible-playbook site.yml --tags tls", file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
