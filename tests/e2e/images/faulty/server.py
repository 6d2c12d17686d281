"""
Answers as the inference service does, but for one fault. Faults that no gate can find (BEHIND) are those of a proxy in
front of the real service: they begin with what comes through the edge, which a gate's requests do not.
"""

import base64
import hashlib
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
    "crumbles": "is well for LIFE_S seconds, then ends; each time that it is started",
    "fails": "is ready, and answers 500 to every prediction",
    "leaks": "takes all the memory that it is allowed while it loads",
    "deaf": "does not hear SIGTERM",
    "strict": "knows one name, redirects what did not come by HTTPS, and builds addresses with http://",
    "loud": "prints LOUD_BYTES at every prediction, and waits until somebody has taken them",
    "sluggish": "takes SLOW_S seconds for a prediction, and ends at once when it is told to",
    # These have the true service behind them.
    "none": "well",
    "errors_3_percent": "fails 3 of 100 predictions",
    "slow": "takes three times as long",
    "turns_bad": "answers GOOD_REQUESTS predictions, then none",
}
SLOW_S = 1.5
LIFE_S = 6.0
LOUD_BYTES = 65536
# A stream says something so often.
TICK_S = 0.1
# RFC 6455: the handshake's constant (section 1.3), the frame of a text (section 5.2).
WEBSOCKET = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT = 0x81
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

    def answer(self, status: int, document: Any, **headers: str) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Release", VERSION)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class Alone(Handler):
    """No service at all, only what looks like one."""

    def redirected(self) -> bool:
        """What frameworks do that allow certain hosts, insist on HTTPS and add or take away a slash."""
        if FAULT != "strict":
            return False
        host = self.headers["Host"]
        if not host.endswith(".slipway.test"):
            self.answer(400, {"error": "host not allowed"})
        elif self.headers.get("X-Forwarded-Proto") != "https":
            self.answer(301, {}, Location=f"https://{host}{self.path}")
        elif self.path.endswith("/"):
            self.answer(307, {}, Location=f"http://{host}:80{self.path.rstrip('/')}")
        else:
            return False
        return True

    def do_GET(self) -> None:
        if FAULT == "hangs":
            time.sleep(3600)
        if self.redirected():
            return
        if self.path == "/ready" and FAULT in ("never_ready", "leaks"):
            self.answer(503, {"ready": False})
        elif self.path.startswith("/stream/"):
            self.stream(float(self.path.rpartition("/")[2]))
        elif self.path == "/ws":
            self.echo()
        else:
            self.answer(200, {"status": "ok", "ready": True, "version": VERSION})

    def do_POST(self) -> None:
        rows = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["instances"]
        if self.redirected():
            return
        if FAULT == "sluggish":
            time.sleep(SLOW_S)
        if FAULT == "loud":
            for stream in (sys.stdout, sys.stderr):
                stream.write("x" * (LOUD_BYTES - 1) + "\n")
                stream.flush()
        if FAULT == "fails":
            self.answer(500, {"error": "the model lost its mind"})
        else:
            self.answer(200, {"predictions": [{"label": "unheard-of", "probability": 0.5} for _ in rows]})

    def stream(self, seconds: float) -> None:
        """Events for so long, each with the version that says it."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        event = f"data: {VERSION}\n\n".encode()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
            time.sleep(TICK_S)
        self.wfile.write(b"0\r\n\r\n")

    def echo(self) -> None:
        """A websocket: answers each short text with the version and the text."""
        key = self.headers["Sec-WebSocket-Key"] + WEBSOCKET
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        self.close_connection = True
        # What a client sends is masked; its length fits in seven bits here.
        while (head := self.rfile.read(2)) and head[0] == TEXT:
            mask = self.rfile.read(4)
            text = bytes(byte ^ mask[at % 4] for at, byte in enumerate(self.rfile.read(head[1] & 0x7F)))
            said = f"{VERSION} ".encode() + text
            self.wfile.write(bytes((TEXT, len(said))) + said)


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
    if FAULT == "crumbles":
        threading.Timer(LIFE_S, os._exit, (7,)).start()
    server = Server(("0.0.0.0", 8080), Proxy if FAULT in BEHIND else Alone)
    if FAULT != "deaf":
        # Process 1 of a container ignores what it has no handler for. What is in flight is lost, on purpose.
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    server.serve_forever()


main()
