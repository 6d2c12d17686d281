"""Answers as the inference service does, but for one fault."""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

FAULT = os.environ["FAULTY_FAULT"]
VERSION = os.environ["FAULTY_VERSION"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status: int, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        if self.path == "/ready" and FAULT == "never_ready":
            self.answer(503, {"ready": False})
        else:
            self.answer(200, {"status": "ok", "ready": True, "version": VERSION})

    def do_POST(self) -> None:
        rows = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["instances"]
        self.answer(200, {"predictions": [{"label": "unheard-of", "probability": 0.5} for _ in rows]})


print(f"faulty {VERSION}: {FAULT}", flush=True)
if FAULT == "never_ready":
    print("still waiting for a model that never comes", flush=True)
if FAULT == "exits":
    sys.exit("cannot open the model: no such file")
ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
