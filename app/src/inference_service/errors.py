"""What can go wrong with a request: one class, and one shape of answer.

{"error": {code, message, request_id, field}}; on /v2 paths, as the Open Inference Protocol asks, `error` is the message
and the rest stands beside it.
"""

import msgspec

# Of an answer, beside those that every answer has.
Headers = tuple[tuple[bytes, bytes], ...]
_RETRY: Headers = ((b"retry-after", b"1"),)


class ApiError(Exception):
    """A request that is answered with an error.

    code: a stable word for programs; message: one sentence for people; field: the JSON path of the input at fault;
    headers: what the answer has beside its type.
    """

    def __init__(self, status: int, code: str, message: str, field: str | None = None, headers: Headers = ()) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.field, self.headers = status, code, message, field, headers


def error_body(error: ApiError, request_id: str, path: str) -> bytes:
    """path: the request's, or its route's."""
    detail = {"code": error.code, "message": error.message, "request_id": request_id}
    if error.field is not None:
        detail["field"] = error.field
    if path == "/v2" or path.startswith("/v2/"):
        return msgspec.json.encode({"error": detail.pop("message"), **detail})
    return msgspec.json.encode({"error": detail})


def overloaded(message: str) -> ApiError:
    return ApiError(503, "overloaded", message, headers=_RETRY)


def not_ready(state: str, reason: str) -> ApiError:
    """A service that has failed says so in `code`, and does not ask to be tried again: a deployer need not wait."""
    code, headers = ("failed", ()) if state == "failed" else ("not_ready", _RETRY)
    return ApiError(
        503, code, f"The service is {state}: {reason}" if reason else f"The service is {state}", headers=headers
    )
