"""
A registry that misbehaves, for a lab host: `python3 -c "$(cat registry.py)" PORT`, until its standard input ends; it
says `ready` when it listens. Docker speaks plain HTTP to loopback addresses, so its own pull meets these answers. The
repository's name says what is wrong: 127.0.0.1:PORT/denied answers as ECR does to somebody without the right to pull.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
CHART = "application/vnd.oci.image.manifest.v1+json"
# What is no manifest of an image for this host → its media type.
KINDS = {"arm64-list": INDEX, "both-list": INDEX, "chart": CHART}
# Its configuration, which names its platform, is not to be had by the first request for it.
LATE = "arm64-late"


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def part(data: bytes, kind: str) -> dict[str, Any]:
    return {"mediaType": f"application/vnd.docker.{kind}", "size": len(data), "digest": digest(data)}


def image(name: str) -> tuple[bytes, dict[str, bytes]]:
    """A manifest, and its blobs by digest: of its own for each name, for Docker keeps what it has seen."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    layer = out.getvalue()
    files = {"type": "layers", "diff_ids": [digest(layer)]}
    architecture = "arm64" if name.startswith("arm64") else "amd64"
    config = json.dumps({"architecture": architecture, "os": "linux", "config": {}, "rootfs": files}).encode()
    if name == "chart":
        return chart(config, layer)
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": part(config, "container.image.v1+json"),
        "layers": [part(layer, "image.rootfs.diff.tar")],
    }).encode()  # fmt: skip
    blobs = {digest(config): config, digest(layer): layer}
    if KINDS.get(name) != INDEX:
        return manifest, blobs
    one = {"mediaType": MANIFEST, "size": len(manifest), "digest": digest(manifest)}
    listed = [{**one, "platform": {"architecture": architecture, "os": "linux"}}]
    if name == "both-list":
        # First, and nowhere to be had: Docker must choose.
        other = {"architecture": "arm64", "os": "linux"}
        listed.insert(0, {**one, "digest": digest(b"another"), "platform": other})
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}).encode()
    return index, {**blobs, digest(manifest): manifest}


def chart(config: bytes, layer: bytes) -> tuple[bytes, dict[str, bytes]]:
    """As `helm push` has it."""
    kind = "application/vnd.cncf.helm."
    manifest = json.dumps({
        "schemaVersion": 2, "config": {**part(config, ""), "mediaType": f"{kind}config.v1+json"},
        "layers": [{**part(layer, ""), "mediaType": f"{kind}chart.content.v1.tar+gzip"}],
    }).encode()  # fmt: skip
    return manifest, {digest(config): config, digest(layer): layer}


def error(status: int, code: str, message: str) -> tuple[int, bytes]:
    return status, json.dumps({"errors": [{"code": code, "message": message}]}).encode()


# What a registry answers instead of a manifest.
ANSWERS = {
    "throttled": error(429, "TOOMANYREQUESTS", "Rate exceeded"),
    "throttled-bare": (429, b""),
    "expired": error(403, "DENIED", "Your authorization token has expired. Reauthenticate and try again."),
    "unauthorized": error(401, "UNAUTHORIZED", "authentication required"),
    "unauthorized-bare": (401, b"Not Authorized\n"),
    "denied": error(403, "DENIED", "User: arn:aws:iam::123456789012:user/ana is not authorized to perform: "
                                   "ecr:BatchGetImage on resource: repository/denied"),
    "denied-bare": (403, b""),
    "missing": error(404, "MANIFEST_UNKNOWN", "Requested image not found"),
    "missing-bare": (404, b""),
    "broken": (500, b"oops"),
    "busy": (503, b""),
    "portal": (200, b"<html>Please log in</html>"),
    "garbled": (200, image("another")[0]),
}  # fmt: skip


class Registry(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    refused: ClassVar[set[str]] = set()
    """What was asked for once, in vain."""

    def do_GET(self) -> None:
        name, _, rest = self.path.removeprefix("/v2/").partition("/")
        kind, _, reference = rest.partition("/")
        if name == "slow":
            # Longer than any test waits; the client leaves before.
            time.sleep(30)
        manifest, blobs = image(name)
        body = blobs.get(reference, b"")
        if kind == "manifests" and name in ANSWERS:
            status, body = ANSWERS[name]
            self.answer(status, body, "text/html" if body.startswith(b"<") else MANIFEST)
        elif kind == "manifests":
            # One of those that an index lists is asked for by its own digest.
            self.answer(200, body or manifest, MANIFEST if body else KINDS.get(name, MANIFEST))
        elif kind == "blobs" and b"rootfs" in body and name == LATE and reference not in self.refused:
            self.refused.add(reference)
            self.answer(503, b"")
        elif kind == "blobs" and b"rootfs" in body:
            self.answer(200, body)
        elif kind == "blobs":
            if name == "stalled":
                time.sleep(30)
            self.answer(200, body[:-1] + b"x" if name == "torn" else body)
        else:
            self.answer(200, b"{}")

    do_HEAD = do_GET

    def answer(self, status: int, body: bytes, kind: str = "application/octet-stream") -> None:
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="ecr"')
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
