"""
Answers as the inference service does, but for one fault. Faults that no gate can find (BEHIND) are those of a proxy in
front of the real service: they begin with what comes through the edge, which a gate's requests do not.
"""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

FAULTS = {
    "plain": "well, and quick to start",
    "never_ready": "its model never comes",
    "wrong_prediction": "another label than the one that was learnt",
    "exits": "ends before it listens",
    "hangs": "takes connections and never answers",
    "leaks": "takes all the memory that it is allowed while it loads",
    "deaf": "does not hear SIGTERM",
    "sluggish": "takes SLOW_S seconds for a prediction, and ends at once when it is told to",
    # These have the true service behind them.
    "none": "well",
    "errors_3_percent": "fails 3 of 100 predictions",
    "slow": "takes three times as long",
    "turns_bad": "answers GOOD_REQUESTS predictions, then none",
}
SLOW_S = 1.5
FAULT = os.environ["FAULTY_FAULT"]
VERSION = os.environ["FAULTY_VERSION"]
BEHIND = ("errors_3_percent", "slow", "turns_bad", "none")
PORT = 8081
# `turns_bad`: so many requests through the edge are answered well.
GOOD_REQUESTS = 60


class Counter:
    def __init__(self) -> None:
        self.lock, self.value = threading.Lock(), 0

    def next(self) -> int:
        with self.lock:
            self.value += 1
            return self.value


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


class Alone(Handler):
    """No service at all, only what looks like one."""

    def do_GET(self) -> None:
        if FAULT == "hangs":
            time.sleep(3600)
        if self.path == "/ready" and FAULT in ("never_ready", "leaks"):
            self.answer(503, {"ready": False})
        else:
            self.answer(200, {"status": "ok", "ready": True, "version": VERSION})

    def do_POST(self) -> None:
        rows = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["instances"]
        if FAULT == "sluggish":
            time.sleep(SLOW_S)
        self.answer(200, {"predictions": [{"label": "unheard-of", "probability": 0.5} for _ in rows]})


class Proxy(Handler):
    disable_nagle_algorithm = True
    wbufsize = -1
    seen = Counter()
    local = threading.local()

    def do_GET(self) -> None:
        self.pass_on()

    def do_POST(self) -> None:
        self.pass_on()

    def pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        # Only the edge says for whom it asks.
        number = self.seen.next() if self.headers.get("X-Forwarded-For") and self.command == "POST" else 0
        bad = (FAULT == "errors_3_percent" and number and number % 33 == 0) or (
            FAULT == "turns_bad" and number > GOOD_REQUESTS
        )
        if bad:
            self.answer(500, {"error": "the model lost its mind"})
            return
        begin = time.monotonic()
        status, headers, content = self.ask(body)
        if FAULT == "slow" and number:
            time.sleep(2 * (time.monotonic() - begin))
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in ("connection", "content-length", "date", "server", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        """Of the service behind; each thread keeps its connection."""
        headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
        connection = getattr(self.local, "connection", None)
        if connection is None:
            connection = self.local.connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=10)
        try:
            connection.request(self.command, self.path, body or None, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            self.local.connection = None
            return 503, [], f"the service behind: {error}".encode()


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
    if FAULT in BEHIND:
        environment = {**os.environ, "SERVICE_VERSION": VERSION, "PORT": str(PORT)}
        subprocess.Popen([sys.executable, "-m", "inference_service"], env=environment)
    if FAULT == "leaks":
        threading.Thread(target=leak, daemon=True).start()
    server = Server(("0.0.0.0", 8080), Proxy if FAULT in BEHIND else Alone)
    if FAULT != "deaf":
        # Process 1 of a container ignores what it has no handler for. What is in flight is lost, on purpose.
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    server.serve_forever()


main()
