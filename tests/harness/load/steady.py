"""A steady load on one URL that counts every failure: keep-alive and new-connection clients side by side."""

from __future__ import annotations

import http.client
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Sample:
    at: float  # time.monotonic(), seconds
    seconds: float
    status: int  # HTTP status; 0 when there was none
    error: str = ""
    version: str = ""  # value of the answer's X-Release header, empty when it has none

    @property
    def ok(self) -> bool:
        return self.status == 200


@dataclass
class SteadyLoad:
    """`with SteadyLoad(...) as load:` sends requests until the block ends; `load.samples` has every one.

    rate: requests per second in total over all clients. Half of the clients keep their connection, half open a new
    one for each request.
    """

    host: str
    path: str
    body: bytes
    ca_file: str
    rate: float = 60.0
    clients: int = 6
    headers: dict[str, str] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._tls = ssl.create_default_context(cafile=self.ca_file)

    def _connect(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(self.host, timeout=TIMEOUT_S, context=self._tls)

    def _one(self, connection: http.client.HTTPSConnection) -> Sample:
        begin = time.monotonic()
        try:
            connection.request("POST", self.path, self.body, {"Content-Type": "application/json", **self.headers})
            answer = connection.getresponse()
            answer.read()
            return Sample(begin, time.monotonic() - begin, answer.status, version=answer.headers.get("X-Release", ""))
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            return Sample(begin, time.monotonic() - begin, 0, f"{type(error).__name__}: {error}")

    def _client(self, keep: bool) -> None:
        pause = self.clients / self.rate
        connection = self._connect()
        due = time.monotonic()
        while not self._stop.is_set():
            self.samples.append(self._one(connection))
            if not keep:
                connection.close()
            # An edge that is asked to close a kept connection says so; http.client then opens a new one by itself.
            due = max(due + pause, time.monotonic() - 1)
            self._stop.wait(max(0.0, due - time.monotonic()))
        connection.close()

    def __enter__(self) -> Self:
        for number in range(self.clients):
            thread = threading.Thread(target=self._client, args=(number % 2 == 0,), daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(TIMEOUT_S + 5)

    def wait_for(
        self, count: int, what: Callable[[Sample], bool] = lambda sample: sample.ok, within_s: float = 30
    ) -> None:
        """Return when `count` samples pass `what`; raises TimeoutError after `within_s` seconds."""
        end = time.monotonic() + within_s
        while sum(map(what, list(self.samples))) < count:
            if time.monotonic() > end:
                raise TimeoutError(
                    f"fewer than {count} such answers within {within_s} s; the last: {self.samples[-3:]}"
                )
            time.sleep(0.05)

    @property
    def failed(self) -> list[Sample]:
        return [sample for sample in self.samples if not sample.ok]
