"""A target that answers: HTTP or HTTPS on a port, 200 to every path, its name as the body. Standard library only.

python3 responder.py NAME PORT [CERTIFICATE]     the file has certificate and key
"""

from __future__ import annotations

import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """One request. `name` is set by `main`."""

    name = ""
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.name.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main(name: str, port: int, certificate: str | None = None) -> None:
    server = ThreadingHTTPServer(("", port), type("Named", (Handler,), {"name": name}))
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        # The handshake is the connection's own thread's business, or one client could hold up all.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:4])
