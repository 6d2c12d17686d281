"""What can go wrong with a request: one class, and one shape of answer.

{"error": {code, message, request_id, field}}; on /v2 paths, as the Open Inference Protocol asks, `error` is the message
and the rest stands beside it.
"""

from __future__ import annotations

import msgspec

# Of an answer, beside those that every answer has.
Headers = tuple[tuple[bytes, bytes], ...]
_RETRY: Headers = ((b"retry-after", b"1"),)


class ApiError(Exception):
    """A request that is answered with an error.

    code: a stable word for programs; message: one sentence for people; field: the JSON path of the input at fault;
    headers: what the answer has beside its type.
    """

    def __init__(
        self, status: int, code: str, message: str, *, field: str | None = None, headers: Headers = ()
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.field = field
        self.headers = headers


class ErrorDetail(msgspec.Struct, omit_defaults=True):
    code: str
    message: str
    request_id: str
    field: str | None = None


class ErrorBody(msgspec.Struct):
    error: ErrorDetail


class ProtocolError(msgspec.Struct, omit_defaults=True):
    """The Open Inference Protocol's."""

    error: str
    code: str
    request_id: str
    field: str | None = None


_encode = msgspec.json.Encoder().encode


def error_body(error: ApiError, request_id: str, path: str) -> bytes:
    """path: the request's, or its route's."""
    if path == "/v2" or path.startswith("/v2/"):
        return _encode(ProtocolError(error.message, error.code, request_id, error.field))
    return _encode(ErrorBody(ErrorDetail(error.code, error.message, request_id, error.field)))


def overloaded(message: str) -> ApiError:
    return ApiError(503, "overloaded", message, headers=_RETRY)


def not_ready(state: str, reason: str) -> ApiError:
    """A service that has failed says so in `code`, and does not ask to be tried again: a deployer need not wait."""
    message = f"The service is {state}: {reason}" if reason else f"The service is {state}"
    if state == "failed":
        return ApiError(503, "failed", message)
    return ApiError(503, "not_ready", message, headers=_RETRY)
