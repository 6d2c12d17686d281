"""Answers as the inference service does, but for one fault."""

import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

FAULTS = {
    "none": "well, and quick to start",
    "never_ready": "its model never comes",
    "wrong_prediction": "another label than the one that was learnt",
    "exits": "ends before it listens",
    "hangs": "takes connections and never answers",
    "leaks": "takes all the memory that it is allowed while it loads",
    "deaf": "does not hear SIGTERM",
    "slow": "takes SLOW_S seconds for a prediction, and ends at once when it is told to",
}
SLOW_S = 1.5
FAULT = os.environ["FAULTY_FAULT"]
VERSION = os.environ["FAULTY_VERSION"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *arguments: Any) -> None:
        """Thousands of requests say nothing here."""

    def answer(self, status: int, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Release", VERSION)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        if FAULT == "hangs":
            time.sleep(3600)
        if self.path == "/ready" and FAULT in ("never_ready", "leaks"):
            self.answer(503, {"ready": False})
        else:
            self.answer(200, {"status": "ok", "ready": True, "version": VERSION})

    def do_POST(self) -> None:
        rows = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["instances"]
        if FAULT == "slow":
            time.sleep(SLOW_S)
        self.answer(200, {"predictions": [{"label": "unheard-of", "probability": 0.5} for _ in rows]})


def leak() -> None:
    taken = []
    while True:
        taken.append(bytearray(os.urandom(4096) * 1024))


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


def main() -> None:
    print(f"faulty {VERSION}: {FAULT}", flush=True)
    if FAULT == "never_ready":
        print("still waiting for a model that never comes", flush=True)
    if FAULT == "exits":
        sys.exit("cannot open the model: no such file")
    if FAULT == "leaks":
        threading.Thread(target=leak, daemon=True).start()
    server = Server(("0.0.0.0", 8080), Handler)
    if FAULT != "deaf":
        # Process 1 of a container ignores what it has no handler for. What is in flight is lost, on purpose.
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    server.serve_forever()


main()
