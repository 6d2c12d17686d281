"""The service as a process of its own."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from .conftest import APP

TIMEOUT_S = 20.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Process:
    """The service as a process of its own."""

    def __init__(self, model_path: Path, log: Path, **environment: str) -> None:
        self.port = free_port()
        self.log = log
        variables = {"MODEL_PATH": str(model_path), "PORT": str(self.port), "HOST": "127.0.0.1", **environment}
        with log.open("wb") as file:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "inference_service"],
                env={**os.environ, "PYTHONPATH": str(APP / "src"), **variables},
                stdout=file,
            )

    def request(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def wait_until_ready(self, path: str = "/ready") -> None:
        """Until it answers the path with 200."""
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            assert self.popen.poll() is None, self.log.read_text()
            try:
                if self.request("GET", path)[0] == 200:
                    return
            except OSError:
                pass
            assert time.monotonic() < deadline, f"{path} is not 200 within {TIMEOUT_S} s: {self.log.read_text()}"
            time.sleep(0.01)

    def wait_for(self, text: str) -> None:
        """Until its log has the text."""
        deadline = time.monotonic() + TIMEOUT_S
        while text not in self.log.read_text():
            assert time.monotonic() < deadline, f"no '{text}' within {TIMEOUT_S} s: {self.log.read_text()}"
            time.sleep(0.02)

    def messages(self) -> list[str]:
        return [json.loads(line)["message"] for line in self.log.read_text().splitlines()]
