"""What can go wrong with a request: one class, and one shape of answer for all of it."""

from __future__ import annotations

import msgspec


class ApiError(Exception):
    """A request that is answered with an error.

    code: a stable word for programs; message: one sentence for people; field: the JSON path of the input at fault.
    """

    def __init__(
        self, status: int, code: str, message: str, *, field: str | None = None, retry_after_s: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.field = field
        self.retry_after_s = retry_after_s


class ErrorDetail(msgspec.Struct, omit_defaults=True):
    code: str
    message: str
    request_id: str
    field: str | None = None


class ErrorBody(msgspec.Struct):
    error: ErrorDetail


_encode = msgspec.json.Encoder().encode


def error_body(error: ApiError, request_id: str) -> bytes:
    return _encode(ErrorBody(ErrorDetail(error.code, error.message, request_id, error.field)))


def overloaded(message: str, retry_after_s: int = 1) -> ApiError:
    return ApiError(503, "overloaded", message, retry_after_s=retry_after_s)


def not_ready(state: str, reason: str) -> ApiError:
    """A service that has failed says so in `code`, and does not ask to be tried again: a deployer need not wait."""
    message = f"The service is {state}: {reason}" if reason else f"The service is {state}"
    if state == "failed":
        return ApiError(503, "failed", message)
    return ApiError(503, "not_ready", message, retry_after_s=1)
