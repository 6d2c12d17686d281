"""Errors of requests: one class, and one shape of answer.

{"error": {code, message, request_id, field}}; on /v2 paths, as the Open Inference Protocol requires, `error` is the
message and the rest stands beside it.
"""

from __future__ import annotations

import msgspec

# Headers of an answer, beside those that every answer has.
Headers = tuple[tuple[bytes, bytes], ...]
_RETRY: Headers = ((b"retry-after", b"1"),)


class ApiError(Exception):
    """code: a stable word for programs; message: one sentence; field: JSON path of the wrong input; headers: extra."""

    def __init__(
        self, status: int, code: str, message: str, *, field: str | None = None, headers: Headers = ()
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.field, self.headers = status, code, message, field, headers


class ErrorDetail(msgspec.Struct, omit_defaults=True):
    code: str
    message: str
    request_id: str
    field: str | None = None


class Error(msgspec.Struct):
    error: ErrorDetail


class ProtocolError(msgspec.Struct, omit_defaults=True):
    """The error of the Open Inference Protocol."""

    error: str
    code: str
    request_id: str
    field: str | None = None


def error_body(error: ApiError, request_id: str, path: str) -> bytes:
    if path == "/v2" or path.startswith("/v2/"):
        return msgspec.json.encode(ProtocolError(error.message, error.code, request_id, error.field))
    return msgspec.json.encode(Error(ErrorDetail(error.code, error.message, request_id, error.field)))


def invalid(message: str, field: str | None, code: str = "invalid_input") -> ApiError:
    return ApiError(422, code, message, field=field)


def too_large(limit: int) -> ApiError:
    return ApiError(413, "body_too_large", f"The body is over the limit of {limit} bytes")


def overloaded(message: str) -> ApiError:
    return ApiError(503, "overloaded", message, headers=_RETRY)


def not_ready(state: str, reason: str) -> ApiError:
    """A service that has failed says so in `code` and sends no Retry-After, so that a deployer need not wait."""
    message = f"The service is {state}: {reason}" if reason else f"The service is {state}"
    return (
        ApiError(503, "failed", message) if state == "failed" else ApiError(503, "not_ready", message, headers=_RETRY)
    )
