"""While a file is there, every third request to an address is throttled, as AWS does with a client that asks too often.

moto answers every request at once. By address, because AWS serves a client that asks again later, and Terraform asks
its bucket only five times.
"""

from __future__ import annotations

from collections import Counter
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
    requests = Counter[tuple[str, str]]()

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        address = (environ["REQUEST_METHOD"], environ["PATH_INFO"])
        if flag.exists():
            requests[address] += 1
            if requests[address] % EVERY == 0:
                start_response(
                    "503 Service Unavailable", [("Content-Type", "text/xml"), ("Content-Length", str(len(BODY)))]
                )
                return [BODY]
        return application(environ, start_response)

    return answer


def apply() -> None:
    run = server.run_simple
    server.run_simple = lambda host, port, application, **more: run(host, port, throttled(application), **more)
