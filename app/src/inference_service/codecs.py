"""The formats of requests and answers: from bytes to rows, and from the model's outcome to bytes.

`PredictCodec` is this service's own JSON (`/predict`), `InvocationsCodec` the same or CSV, as SageMaker's clients send
it (`/invocations`); `open_inference` has the Open Inference Protocol. All of it is made once for a model: msgspec
checks types, counts and ranges while it reads.
"""

import csv
import io
import itertools
import math
import re
import struct
from collections.abc import Callable
from typing import Annotated, Any, NoReturn, Protocol

import msgspec

from .errors import ApiError, Headers
from .media import CSV, JSON, answer_type, body_type
from .model import Model, Outcome

# The last number that is rounded to float32's largest (bits 7f7fffff): the next would be infinite to the model.
FLOAT32_MAX = math.nextafter(2.0**128 - 2.0**103, 0)
INPUT_NAME = "features"
_PATH = re.compile(r" - at `\$\.?(.+)`$")
_INDEX = re.compile(r"instances\[\d+\]\[(\d+)\]$")

_NUMBER = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*", re.ASCII).fullmatch

# Beside what it says itself, msgspec lets through what Python raises for bad UTF-8 and for nesting without end.
NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_JSON_BODY = {b"content-type": b"application/json"}

Number = Annotated[float, msgspec.Meta(ge=-FLOAT32_MAX, le=FLOAT32_MAX)]


class Codec(Protocol):
    def decode(self, body: bytes, headers: dict[bytes, bytes]) -> tuple[bytes, int, Any]:
        """Packed float32 rows, their number, and what `encode` needs to know. Raises ApiError."""

    def encode(self, outcome: Outcome, context: Any) -> tuple[bytes, Headers]:
        """The body of the answer, and the headers that belong to it."""


class PredictCodec:
    """{"instances": [[number, …], …]}, or rows as objects by feature name → {"predictions": [{label, probability}]}"""

    def __init__(self, model: Model, max_rows: int) -> None:
        self._model = model
        self._pack = model.pack
        self._max_rows = max_rows
        self._features = model.manifest.features
        row = Annotated[list[Number], msgspec.Meta(min_length=model.width, max_length=model.width)]
        self._decode: Any = _decoder("PredictRequest", row)
        fields = [(f"f{number}", Number) for number in range(model.width)]
        names = {f"f{number}": name for number, name in enumerate(self._features)}
        named_row = msgspec.defstruct("Row", fields, rename=names, forbid_unknown_fields=True)
        self._decode_named: Any = _decoder("PredictRequestByName", named_row)
        self._texts = [
            b'{"label":%s,"probability":%%.6f}' % msgspec.json.encode(name).replace(b"%", b"%%")
            for name in model.manifest.classes
        ]
        self._tail = b'],"model_version":%s}' % msgspec.json.encode(model.manifest.version)
        tail = self._tail.replace(b"%", b"%%")
        self._single = [b'{"predictions":[' + text + tail for text in self._texts]

    def decode(self, body: bytes, headers: dict[bytes, bytes]) -> tuple[bytes, int, Any]:
        # Most requests have this type, and none of the others is worth what looking at it costs.
        if headers.get(b"content-type") != b"application/json":
            body_type(headers, "application/json")
        try:
            rows = self._decode(body).instances
        except msgspec.ValidationError as error:
            rows = self._named_rows(body, error)
        except NOT_JSON as error:
            raise malformed(error) from None
        count = len(rows)
        if count == 1:
            return self._pack(*rows[0]), 1, None
        check_rows(count, self._max_rows, "instances")
        pack = self._pack
        return b"".join([pack(*row) for row in rows]), count, None

    def encode(self, outcome: Outcome, context: Any) -> tuple[bytes, Headers]:
        classes, probabilities = outcome
        if len(classes) == 1:
            return self._single[classes[0]] % probabilities[0], JSON
        rows = [self._texts[number] % value for number, value in zip(classes, probabilities, strict=True)]
        return b'{"predictions":[%b%b' % (b",".join(rows), self._tail), JSON

    def _named_rows(self, body: bytes, error: msgspec.ValidationError) -> list[Any]:
        """The rows of a body whose rows are objects; raises the fitting ApiError when it is no such body."""
        try:
            lenient = msgspec.json.decode(body)
        except NOT_JSON as broken:
            raise malformed(broken) from None
        instances = lenient.get("instances") if isinstance(lenient, dict) else None
        if not (isinstance(instances, list) and instances and isinstance(instances[0], dict)):
            self._refuse(error)
        try:
            named = self._decode_named(body).instances
        except msgspec.ValidationError as wrong:
            self._refuse(wrong)
        return [msgspec.structs.astuple(row) for row in named]

    def _refuse(self, error: msgspec.ValidationError) -> NoReturn:
        message, path = explain(error)
        index = _INDEX.match(path)
        # What is wrong may stand behind the last feature: a row's numbers are looked at before its length.
        if index and int(index[1]) < len(self._features):
            message = f"{message} for feature '{self._features[int(index[1])]}'"
        raise invalid(message, path) from None


class InvocationsCodec(PredictCodec):
    """SageMaker's: PredictCodec's JSON, or CSV: features in the order of the model → label,probability; no header line.

    The context is the type of the answer.
    """

    def __init__(self, model: Model, max_rows: int) -> None:
        super().__init__(model, max_rows)
        self._lines = [_quoted(name).replace("%", "%%") + ",%.6f\n" for name in model.manifest.classes]

    def decode(self, body: bytes, headers: dict[bytes, bytes]) -> tuple[bytes, int, str]:
        kind = body_type(headers, "application/json", "text/csv")
        answer = answer_type(headers, "application/json", "text/csv")
        if kind == "text/csv":
            return *self._decode_csv(body), answer
        buffer, count, _ = super().decode(body, _JSON_BODY)
        return buffer, count, answer

    def encode(self, outcome: Outcome, context: str) -> tuple[bytes, Headers]:
        if context != "text/csv":
            return super().encode(outcome, context)
        return "".join([self._lines[number] % value for number, value in zip(*outcome, strict=True)]).encode(), CSV

    def _decode_csv(self, body: bytes) -> tuple[bytes, int]:
        try:
            # An end of line at the end begins no row, and a byte order mark (Excel) is no part of the first number.
            rows = csv.reader(io.StringIO(body.decode("utf-8-sig").rstrip("\r\n"), newline=""), strict=True)
            table = list(itertools.islice(rows, self._max_rows))
            count = len(table) + sum(1 for _ in rows)
        except (UnicodeDecodeError, csv.Error) as error:
            raise ApiError(400, "malformed_csv", f"The body is not CSV: {error}") from None
        if not table:
            raise invalid("Expected at least one row", "instances")
        check_rows(count, self._max_rows, "instances")
        width = len(self._features)
        for at, row in enumerate(table):
            if len(row) != width:
                raise invalid(f"Expected {width} numbers, got {len(row)}", f"instances[{at}]")
        data = [float(text) if _NUMBER(text) else text for row in table for text in row]
        return pack(self._model, data, lambda number: f"instances[{number // width}][{number % width}]"), count


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if re.search('[",\r\n]', text) else text


def _decoder(name: str, row: Any) -> Any:
    rows = Annotated[list[row], msgspec.Meta(min_length=1)]
    return msgspec.json.Decoder(msgspec.defstruct(name, [("instances", rows)], forbid_unknown_fields=True)).decode


def explain(error: msgspec.ValidationError) -> tuple[str, str]:
    """msgspec's message without its path, and the path."""
    text = str(error)
    found = _PATH.search(text)
    return (text[: found.start()], found[1]) if found else (text, "")


def check_rows(count: int, limit: int, field: str) -> None:
    if count > limit:
        message = f"{count} rows were sent; the limit is {limit} a request"
        raise ApiError(422, "too_many_rows", message, field=field)


def pack(model: Model, data: list[Any], field: Callable[[int], str]) -> bytes:
    """The numbers of some rows, one after the other, as the model takes them; `field` names the one that is wrong."""
    width = model.width
    for number, value in enumerate(data):
        # bool is an int for Python; not so for a tensor. NaN is in no range.
        if type(value) not in (float, int) or not -FLOAT32_MAX <= value <= FLOAT32_MAX:
            got = f", got '{value[:40]}'" if isinstance(value, str) else ""
            feature = model.manifest.features[number % width]
            raise invalid(f"Expected a float32 number{got} for feature '{feature}'", field(number))
    return struct.pack(f"{len(data)}f", *data)


def invalid(message: str, field: str | None) -> ApiError:
    return ApiError(422, "invalid_input", message, field=field or None)


def malformed(error: Exception) -> ApiError:
    return ApiError(400, "malformed_json", f"The body is not JSON: {error}")
