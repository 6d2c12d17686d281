"""The floor: a bare ASGI application that reads the body and answers a constant, on uvicorn set up as the service's.

It shows what uvicorn costs any ASGI application, the service among them.
"""

from __future__ import annotations

import sys
from typing import Any

import uvicorn

BODY = b'{"predictions":[{"label":"malignant","probability":0.999539}],"model_version":"m1"}'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY))]


async def app(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})


if __name__ == "__main__":
    uvicorn.run(
        app, host="127.0.0.1", port=int(sys.argv[1]), loop="uvloop", http="httptools", ws="none", lifespan="off",
        log_config=None, access_log=False, server_header=False, proxy_headers=False,
    )  # fmt: skip
