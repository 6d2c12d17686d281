"""While a file is there, every third request is throttled, as AWS does with a client that asks too often.

moto answers every request at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from moto import server

from ..flags import THROTTLED

EVERY = 3
BODY = (
    b"<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>Request limit exceeded.</Message></Error>"
    b"</Errors><RequestID>throttled</RequestID></Response>"
)


def throttled(application: Callable[..., Iterable[bytes]], flag: Path = THROTTLED) -> Callable[..., Iterable[bytes]]:
    """The WSGI application that throttles while the file is there."""
    numbers = itertools.count(1)

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if flag.exists() and next(numbers) % EVERY == 0:
            start_response(
                "503 Service Unavailable", [("Content-Type", "text/xml"), ("Content-Length", str(len(BODY)))]
            )
            return [BODY]
        return application(environ, start_response)

    return answer


def apply() -> None:
    run = server.run_simple
    server.run_simple = lambda host, port, application, **more: run(host, port, throttled(application), **more)
