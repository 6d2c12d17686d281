"""What requests say about their bodies: content types, content encodings, and which type an answer may have."""

import re
import zlib
from collections.abc import Sequence

from .errors import ApiError, Headers

JSON: Headers = ((b"content-type", b"application/json"),)
CSV: Headers = ((b"content-type", b"text/csv; charset=utf-8"),)
# What curl and urllib say when they were not told.
FORM = "application/x-www-form-urlencoded"
# A gzip file may have several parts, and each costs a copy of all that is behind it.
_MOST_PARTS = 64
_QUALITY = re.compile(r"(?:.*;)?\s*q=(0(?:\.\d*)?|1(?:\.0*)?)\s*(?:;.*)?").fullmatch


def combined(pairs: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Headers by name; several of one name are one list, as RFC 9110 (5.3) reads them."""
    headers = dict(pairs)
    if len(headers) != len(pairs):
        headers = {}
        for name, value in pairs:
            headers[name] = b"%b, %b" % (headers[name], value) if name in headers else value
    return headers


def too_large(limit: int) -> ApiError:
    """Closes the connection: the rest of the body is not worth reading."""
    message = f"The body is over the limit of {limit} bytes"
    return ApiError(413, "body_too_large", message, headers=((b"connection", b"close"),))


def body_type(headers: dict[bytes, bytes], *taken: str) -> str:
    """The body's content type, which is one of `taken`; the first of them where it has none or a client's default.

    Raises ApiError 415.
    """
    text = headers.get(b"content-type", b"").decode("latin-1")
    name = text.partition(";")[0].strip().lower()
    if name in ("", FORM):
        return taken[0]
    if name not in taken:
        supported = ", ".join(taken)
        message = f"The content type '{text}' is not supported; send {' or '.join(taken)}"
        raise ApiError(415, "unsupported_media_type", message, headers=((b"accept-post", supported.encode()),))
    return name


def answer_type(headers: dict[bytes, bytes], *offered: str) -> str:
    """Which of `offered` the client prefers by its Accept header (RFC 9110, 12.5.1); the first where it has none.

    Raises ApiError 406.
    """
    text = headers.get(b"accept", b"").decode("latin-1")
    if not text.strip():
        return offered[0]
    ranges = []
    for at, (name, _, parameters) in enumerate(part.partition(";") for part in text.lower().split(",")):
        found = _QUALITY(parameters)
        ranges.append((name.strip(), -at, float(found[1]) if found else 1.0))

    def preference(offer: str) -> tuple[float, int, int]:
        # Of all ranges that an offer is in, the most specific decides; among equals, what is named first.
        specificity = {"*/*": 1, f"{offer.partition('/')[0]}/*": 2, offer: 3}
        matching = [(specificity[name], at, quality) for name, at, quality in ranges if name in specificity]
        specific, at, quality = max(matching, default=(0, 0, 0.0))
        return quality, specific, at

    chosen = max(offered, key=preference)
    if not preference(chosen)[0]:
        raise ApiError(406, "not_acceptable", f"No answer can be given as '{text}'; accept {' or '.join(offered)}")
    return chosen


def decompressed(body: bytes, encoding: bytes, limit: int) -> bytes:
    """The body without its content encoding. Never unpacks more than `limit` bytes. Raises ApiError 400, 413, 415."""
    name = encoding.strip().lower().decode("latin-1")
    if name in ("", "identity"):
        return body
    if name in ("gzip", "x-gzip"):
        window = zlib.MAX_WBITS | 16
    elif name == "deflate":
        # zlib's format by RFC 9110; what has not its header is the bare stream that some clients send.
        zlib_header = len(body) > 1 and body[0] & 15 == 8 and int.from_bytes(body[:2], "big") % 31 == 0
        window = zlib.MAX_WBITS if zlib_header else -zlib.MAX_WBITS
    else:
        message = f"The content encoding '{name}' is not supported; send gzip, deflate or none"
        raise ApiError(415, "unsupported_encoding", message, headers=((b"accept-encoding", b"gzip, deflate"),))
    content = b""
    rest = body
    try:
        for _ in range(_MOST_PARTS):
            stream = zlib.decompressobj(window)
            content += stream.decompress(rest, limit + 1 - len(content))
            if len(content) > limit:
                raise too_large(limit)
            if not stream.eof:
                raise zlib.error("it is incomplete")
            rest = stream.unused_data
            if not rest:
                return content
            if window < 16:
                break
        raise zlib.error("there is more behind its end")
    except zlib.error as error:
        raise ApiError(400, "malformed_encoding", f"The body is not {name}: {error}") from None
