"""While a file is there, every third request of a client to an address is throttled, as AWS does if it asks too often.

moto answers every request at once. By client and address, because AWS serves a client that asks again later: if two
requests of the reconcilers came between any two of Terraform's, it would never be served.
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
    requests = Counter[tuple[str, str, str]]()

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        client = environ.get("HTTP_USER_AGENT", "").partition("/")[0]
        asked = client, environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if flag.exists():
            requests[asked] += 1
            if requests[asked] % EVERY == 0:
                start_response(
                    "503 Service Unavailable", [("Content-Type", "text/xml"), ("Content-Length", str(len(BODY)))]
                )
                return [BODY]
        return application(environ, start_response)

    return answer


def apply() -> None:
    run = server.run_simple
    server.run_simple = lambda host, port, application, **more: run(host, port, throttled(application), **more)
