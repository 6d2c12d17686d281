"""Content types and encodings and the Accept header, on every route that predicts; CSV; numbers at their limits."""

from __future__ import annotations

import gzip
import json
import math
import struct
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from inference_service.errors import ApiError
from inference_service.media import answer_type

from .conftest import Running, problem
from .tensors import MODEL, tensor

ROUTES = ("/predict", "/invocations", f"{MODEL}/infer")
TYPES = ("application/json", "text/csv")


def body_for(path: str, row: list[Any]) -> bytes:
    return json.dumps(tensor(row) if path.startswith("/v2") else {"instances": [row]}).encode()


def deflated(body: bytes) -> bytes:
    """As some clients send it: without zlib's header."""
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(body) + stream.flush()


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("x-gzip", gzip.compress),
        ("gzip", lambda body: gzip.compress(body[:9]) + gzip.compress(body[9:])),
        ("deflate", zlib.compress),
        ("deflate", deflated),
        ("identity", bytes),
        ("", bytes),
    ],
)
async def test_compressed_bodies_are_read(running: Running, row: list[float], encoding: str, encode: Any) -> None:
    async with running() as client:
        for path in ROUTES:
            content = encode(body_for(path, row))

            async def pieces(content: bytes = content) -> AsyncIterator[bytes]:
                yield content[:20]
                yield content[20:]

            for sent in (content, pieces()):
                answer = await client.post(path, content=sent, headers={"content-encoding": encoding})
                assert answer.status_code == 200, (path, answer.text)


async def test_other_encodings_and_broken_streams_are_refused(running: Running, row: list[float]) -> None:
    zipped = gzip.compress(json.dumps({"instances": [row]}).encode())
    cases = [(encoding, zipped, 415) for encoding in ("br", "zstd", "compress", "gzip, gzip", "deflate, gzip", "x")] + [
        ("gzip", b"", 400),
        ("gzip", b"{}", 400),
        ("gzip", zipped[:-1], 400),
        ("gzip", zipped[:10], 400),
        ("gzip", zipped[:-8] + b"12345678", 400),
        ("gzip", zipped + b"behind", 400),
        ("gzip", gzip.compress(b"") * 1000, 400),
        ("deflate", b"", 400),
        ("deflate", zipped, 400),
        ("deflate", zlib.compress(b"{}") + b"behind", 400),
        ("gzip", gzip.compress(b"{"), 400),
    ]
    async with running() as client:
        for path in ROUTES:
            for encoding, content, status in cases:
                answer = await client.post(path, content=content, headers={"content-encoding": encoding})
                assert answer.status_code == status, (path, encoding, content[:20], answer.text)
                assert problem(answer)["message"]
                assert answer.headers.get("accept-encoding") == ("gzip, deflate" if status == 415 else None)
        twice = [("content-encoding", "gzip"), ("content-encoding", "gzip")]
        assert (await client.post("/predict", content=zipped, headers=twice)).status_code == 415


async def test_the_limit_of_a_body_counts_what_it_is_unpacked(running: Running, row: list[float]) -> None:
    async with running(max_body_bytes=8192) as client:
        for path in ROUTES:
            body = body_for(path, row)
            for encoding, encode in (("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", deflated)):
                for size, status in ((8192, 200), (8193, 413), (8_000_000, 413)):
                    content = encode(body.ljust(size))
                    assert len(content) < 8192
                    answer = await client.post(path, content=content, headers={"content-encoding": encoding})
                    assert answer.status_code == status, (path, encoding, size)
                    if status == 413:
                        assert problem(answer)["code"] == "body_too_large"
                        assert answer.headers["connection"] == "close"


async def test_content_types_that_are_not_supported_are_refused_naming_those_that_are(
    running: Running, row: list[float]
) -> None:
    json_types = [
        None, "", "application/json", "Application/JSON; charset=utf-8", " application/json ",
        "application/x-www-form-urlencoded",
    ]  # fmt: skip
    others = [
        "text/plain", "application/x-npy", "application/jsonlines", "*/*", "application/json, text/csv", "json",
        "multipart/form-data; boundary=x", "application/vnd.api+json", ";", "text/csvv",
    ]  # fmt: skip
    also = {"/predict": [], "/invocations": ["text/csv"], f"{MODEL}/infer": ["application/octet-stream"]}
    async with running() as client:
        for path in ROUTES:
            body = body_for(path, row)
            for kind in json_types:
                headers = {} if kind is None else {"content-type": kind}
                assert (await client.post(path, content=body, headers=headers)).status_code == 200, (path, kind)
            for kind in [*others, *({"text/csv", "application/octet-stream"} - set(also[path]))]:
                answer = await client.post(path, content=body, headers={"content-type": kind})
                if kind == ";":
                    assert answer.status_code == 200
                    continue
                assert answer.status_code == 415, (path, kind)
                assert answer.headers["accept-post"] == ", ".join(["application/json", *also[path]])
                assert "application/json" in problem(answer)["message"]
        twice = [("content-type", "application/json"), ("content-type", "text/csv")]
        assert (await client.post("/invocations", content=b"1", headers=twice)).status_code == 415


async def test_csv_gives_what_json_gives(running: Running, golden: list[dict[str, Any]]) -> None:
    rows = [request["body"]["instances"][0] for request in golden]
    lines = [",".join(map(str, row)) for row in rows]
    async with running() as client:
        wanted = (await client.post("/invocations", json={"instances": rows})).json()
        table = "".join(f"{one['label']},{one['probability']:.6f}\n" for one in wanted["predictions"])
        for text in (
            "\n".join(lines),
            "\r\n".join(lines) + "\r\n",
            "\ufeff" + "\n".join(lines) + "\n\n",
            "\n".join(line.replace(",", ", ") for line in lines),
            "\n".join(",".join(f'"{value:+.17e}"' for value in row) for row in rows),
        ):
            headers = {"content-type": "Text/CSV; charset=utf-8"}
            answer = await client.post("/invocations", content=text.encode(), headers=headers)
            assert (answer.json(), answer.headers["content-type"]) == (wanted, "application/json")
            answer = await client.post("/invocations", content=text.encode(), headers={**headers, "accept": "text/csv"})
            assert (answer.text, answer.headers["content-type"]) == (table, "text/csv; charset=utf-8")
        answer = await client.post("/invocations", json={"instances": rows}, headers={"accept": "text/csv"})
        assert answer.text == table


async def test_wrong_csv_is_refused_naming_the_cell(running: Running, row: list[float]) -> None:
    line = ",".join(map(str, row))
    features = ",".join(["mean radius", *[f"f{number}" for number in range(29)]])
    cases: list[tuple[bytes, int, str | None, str]] = [
        (b"", 422, "instances", "at least one row"),
        (b"\n", 422, "instances", "at least one row"),
        (b"1,2", 422, "instances[0]", "Expected 30 numbers, got 2"),
        (f"{line}\n\n{line}".encode(), 422, "instances[1]", "Expected 30 numbers, got 0"),
        (f"{line}\n{line},1".encode(), 422, "instances[1]", "Expected 30 numbers, got 31"),
        (f"{features}\n{line}".encode(), 422, "instances[0][0]", "got 'mean radius' for feature 'mean radius'"),
        *[
            (line.replace(str(row[0]), text, 1).encode(), 422, "instances[0][0]", "'mean radius'")
            for text in ("", "nan", "inf", "1e39", "-1e39", "1_0", "0x1", "١", "None", "1 2")
        ],
        ("\n".join([line] * 101).encode(), 422, "instances", "101 rows were sent; the limit is 100"),
        (b"\xff", 400, None, "not CSV"),
        (b'"1', 400, None, "not CSV"),
        (b'{"instances": []}', 422, "instances[0]", "Expected 30 numbers"),
    ]
    async with running() as client:
        for content, status, field, message in cases:
            answer = await client.post("/invocations", content=content, headers={"content-type": "text/csv"})
            error = problem(answer)
            assert (answer.status_code, error.get("field")) == (status, field), (content[:40], error)
            assert message in error["message"]


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", 0), ("*/*", 0), ("application/json", 0), ("text/csv", 1), ("TEXT/CSV", 1), ("text/*", 1),
        ("application/*", 0), ("text/csv; charset=utf-8", 1), ("text/csv, application/json", 1),
        ("application/json, text/csv", 0), ("text/csv;q=0.5, application/json", 0), ("*/*;q=0.1, text/csv", 1),
        ("text/csv, */*", 1), ("application/json;q=0, */*", 1), ("application/json;q=0.4,text/*;q=0.5", 1),
        ("text/html, application/xhtml+xml, */*;q=0.8", 0), ("text/csv;q=0.2, text/*;q=0.9, */*;q=0.3", 0),
        ("text/csv;header=present;q=0.5, application/json;q=0.4", 1), ("text/csv;q=x", 1),
        ("text/html", None), ("*/*;q=0", None), ("application/x-npy, image/*", None), ("application/json;q=0.0", None),
        ("text/csv;q=0, application/json;q=0", None), (",", None),
    ],
)  # fmt: skip
def test_the_type_of_an_answer_is_what_the_client_prefers(accept: str, chosen: int | None) -> None:
    headers = {b"accept": accept.encode()}
    if chosen is None:
        with pytest.raises(ApiError, match="application/json or text/csv") as caught:
            answer_type(headers, *TYPES)
        assert caught.value.status == 406
    else:
        assert answer_type(headers, *TYPES) == TYPES[chosen]


async def test_an_answer_that_nobody_takes_is_406_and_only_for_invocations(running: Running, row: list[float]) -> None:
    async with running() as client:
        for path, status in zip(ROUTES, (200, 406, 200), strict=True):
            answer = await client.post(path, content=body_for(path, row), headers={"accept": "application/x-npy"})
            assert answer.status_code == status


LARGEST = struct.unpack("<f", bytes.fromhex("ffff7f7f"))[0]
# Half way to what the next float32 would be: from here on a number is rounded to infinity.
BEYOND = 2.0**128 - 2.0**103


@pytest.mark.parametrize(
    "value", [LARGEST, math.nextafter(BEYOND, 0), 1e-45, 1e-310, 5e-324, 2**24 + 1, 2**53 + 1, 2**100]
)
async def test_every_float32_is_taken_and_what_rounds_to_one(running: Running, row: list[float], value: float) -> None:
    async with running() as client:
        for signed in (value, -value):
            some = [*row[:-1], signed]
            for path in ROUTES:
                assert (await client.post(path, content=body_for(path, some))).status_code == 200, path
            double = tensor(some, datatype="FP64")
            assert (await client.post(f"{MODEL}/infer", json=double)).status_code == 200
            headers = {"content-type": "text/csv"}
            line = ",".join(map(str, some)).encode()
            assert (await client.post("/invocations", content=line, headers=headers)).status_code == 200


@pytest.mark.parametrize("value", [BEYOND, math.nextafter(BEYOND, math.inf), 1e39, 1e308, 2**128])
async def test_what_would_be_infinite_is_refused(running: Running, row: list[float], value: float) -> None:
    async with running() as client:
        for signed in (value, -value):
            some = [signed, *row[1:]]
            for path in ROUTES:
                answer = await client.post(path, content=body_for(path, some))
                assert answer.status_code == 422, (path, answer.text)
                assert "'mean radius'" in problem(answer)["message"]
