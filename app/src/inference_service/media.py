"""Headers about bodies: content types, content encodings, and the type that an answer may have."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Sequence

from .errors import ApiError, Headers, too_large

JSON: Headers = ((b"content-type", b"application/json"),)
CSV: Headers = ((b"content-type", b"text/csv; charset=utf-8"),)
# The default of curl and urllib.
FORM = "application/x-www-form-urlencoded"
_QUALITY = re.compile(r"(?:.*;)?\s*q=(0(?:\.\d*)?|1(?:\.0*)?)\s*(?:;.*)?").fullmatch


def combined(pairs: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Headers by name; several of one name are one list, as RFC 9110 (5.3) reads them."""
    headers = dict(pairs)
    if len(headers) != len(pairs):
        headers = {}
        for name, value in pairs:
            headers[name] = b"%b, %b" % (headers[name], value) if name in headers else value
    return headers


def body_type(headers: dict[bytes, bytes], *taken: str) -> str:
    """The body's content type, one of `taken`; the first if it has none or a client's default. Raises ApiError 415."""
    text = headers.get(b"content-type", b"").decode("latin-1")
    name = text.partition(";")[0].strip().lower()
    if name in ("", FORM):
        return taken[0]
    if name not in taken:
        message = f"The content type '{text}' is not supported; send {' or '.join(taken)}"
        supported = (b"accept-post", ", ".join(taken).encode())
        raise ApiError(415, "unsupported_media_type", message, headers=(supported,))
    return name


def answer_type(headers: dict[bytes, bytes], *offered: str) -> str:
    """Which of `offered` the client prefers by its Accept header (RFC 9110, 12.5.1); the first if it has none.

    Raises ApiError 406.
    """
    text = headers.get(b"accept", b"").decode("latin-1")
    if not text.strip():
        return offered[0]
    best, chosen = (0.0, 0, 0), ""
    ranges = [part.lower().partition(";") for part in text.split(",")]
    for offer in offered:
        specificity = {"*/*": 1, f"{offer.partition('/')[0]}/*": 2, offer: 3}
        # Of all ranges that an offer is in, the most specific decides; among equals, the one that is named first.
        matching = [
            (specificity[name.strip()], -at, parameters)
            for at, (name, _, parameters) in enumerate(ranges)
            if name.strip() in specificity
        ]
        if not matching:
            continue
        specific, order, parameters = max(matching)
        found = _QUALITY(parameters)
        rank = (float(found[1]) if found else 1.0, specific, order)
        if rank[0] and rank > best:
            best, chosen = rank, offer
    if not chosen:
        raise ApiError(406, "not_acceptable", f"No answer can be given as '{text}'; accept {' or '.join(offered)}")
    return chosen


def decompressed(body: bytes, encoding: bytes, limit: int) -> bytes:
    """The body without its content encoding. Never unpacks more than `limit` bytes. Raises ApiError 400, 413, 415."""
    name = encoding.strip().lower().decode("latin-1")
    if name in ("", "identity"):
        return body
    if name not in ("gzip", "x-gzip", "deflate"):
        message = f"The content encoding '{name}' is not supported; send gzip, deflate or none"
        raise ApiError(415, "unsupported_encoding", message, headers=((b"accept-encoding", b"gzip, deflate"),))
    try:
        if name == "deflate":
            content = _inflated(body, limit + 1)
        else:
            content = gzip.GzipFile(fileobj=io.BytesIO(body)).read(limit + 1)
    except (OSError, EOFError, zlib.error):
        # Without the reason: the library's messages quote the body.
        raise ApiError(
            400, "malformed_encoding", f"The body is not {name}, or not complete, or followed by more"
        ) from None
    if len(content) > limit:
        raise too_large(limit)
    return content


def _inflated(body: bytes, most: int) -> bytes:
    # zlib's format by RFC 9110; without its header, it is the bare stream that some clients send.
    zlib_header = len(body) > 1 and body[0] & 15 == 8 and int.from_bytes(body[:2], "big") % 31 == 0
    stream = zlib.decompressobj(zlib.MAX_WBITS if zlib_header else -zlib.MAX_WBITS)
    content = stream.decompress(body, most)
    if len(content) < most and (not stream.eof or stream.unused_data):
        raise EOFError
    return content
