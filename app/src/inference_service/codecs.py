"""The formats of requests and answers: from bytes to rows, and from the model's outcome to bytes.

`PredictCodec` is this service's own JSON (`/predict`), `InvocationsCodec` the same or CSV, for SageMaker's clients
(`/invocations`); `infer` has the Open Inference Protocol. Codecs are made once per model: msgspec checks types, counts
and ranges while it reads.
"""

from __future__ import annotations

import csv
import io
import itertools
import math
import re
from typing import Annotated, Any, NoReturn, Protocol

import msgspec

from .errors import ApiError, Headers, invalid
from .media import CSV, JSON, answer_type, body_type
from .model import Model, Outcome

# The last number that is rounded to float32's largest (bits 7f7fffff): the next would be infinite to the model.
FLOAT32_MAX = math.nextafter(2.0**128 - 2.0**103, 0)
INPUT_NAME = "features"
_PATH = re.compile(r" - at `\$\.?(.+)`$")
_INDEX = re.compile(r"instances\[\d+\]\[(\d+)\]$")
_NUMBER = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*", re.ASCII).fullmatch
# Beside its own errors, msgspec raises Python's for bad UTF-8 and for nesting without end.
NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

Number = Annotated[float, msgspec.Meta(ge=-FLOAT32_MAX, le=FLOAT32_MAX)]


class Codec(Protocol):
    def decode(self, body: bytes, headers: dict[bytes, bytes]) -> tuple[bytes, int, Any]:
        """Packed float32 rows, their number, and the context for `encode`. Raises ApiError."""

    def encode(self, outcome: Outcome, context: Any) -> tuple[bytes, Headers]:
        """The body of the answer, and the headers that belong to it."""


class PredictCodec:
    """{"instances": [[number, …], …]}, or rows as objects by feature name → {"predictions": [{label, probability}]}"""

    def __init__(self, model: Model, max_rows: int) -> None:
        manifest = model.manifest
        self._pack = model.pack
        self._max_rows = max_rows
        self._features = manifest.features
        row = Annotated[list[Number], msgspec.Meta(min_length=model.width, max_length=model.width)]
        fields = [(f"f{number}", Number) for number in range(model.width)]
        names = {f"f{number}": name for number, name in enumerate(self._features)}
        named_row = msgspec.defstruct("Row", fields, rename=names, forbid_unknown_fields=True)
        self.request = _request("PredictRequest", row)
        self.request_by_name = _request("PredictRequestByName", named_row)
        self._decode: Any = msgspec.json.Decoder(self.request).decode
        self._decode_named: Any = msgspec.json.Decoder(self.request_by_name).decode
        labels = [msgspec.json.encode(name).replace(b"%", b"%%") for name in manifest.classes]
        self._texts = [b'{"label":%s,"probability":%%.6f}' % label for label in labels]
        self._tail = b'],"model_version":%s}' % msgspec.json.encode(manifest.version)

    def decode(self, body: bytes, headers: dict[bytes, bytes]) -> tuple[bytes, int, Any]:
        # Most requests have this type: quicker than a look at all of them.
        if headers.get(b"content-type") != b"application/json":
            body_type(headers, "application/json")
        return *self._decode_json(body), None

    def encode(self, outcome: Outcome, context: Any) -> tuple[bytes, Headers]:
        texts = self._texts
        rows = [texts[number] % value for number, value in zip(*outcome, strict=True)]
        return b'{"predictions":[%b%b' % (b",".join(rows), self._tail), JSON

    def _decode_json(self, body: bytes) -> tuple[bytes, int]:
        try:
            rows = self._decode(body).instances
        except msgspec.ValidationError as error:
            rows = self._named_rows(body, error)
        except NOT_JSON as error:
            raise malformed(error) from None
        check_rows(len(rows), self._max_rows, "instances")
        pack = self._pack
        return b"".join([pack(*row) for row in rows]), len(rows)

    def _named_rows(self, body: bytes, error: msgspec.ValidationError) -> list[Any]:
        """The rows of a body whose rows are objects; raises the fitting ApiError if they are not."""
        try:
            lenient = msgspec.json.decode(body)
        except NOT_JSON as broken:
            raise malformed(broken) from None
        instances = lenient.get("instances") if isinstance(lenient, dict) else None
        if not (isinstance(instances, list) and instances and isinstance(instances[0], dict)):
            self._refuse(error)
        try:
            return [msgspec.structs.astuple(row) for row in self._decode_named(body).instances]
        except msgspec.ValidationError as wrong:
            self._refuse(wrong)

    def _refuse(self, error: msgspec.ValidationError) -> NoReturn:
        message, path = explain(error)
        index = _INDEX.match(path or "")
        # The wrong number may stand behind the last feature: a row's numbers are checked before its length.
        if index and int(index[1]) < len(self._features):
            message = f"{message} for feature '{self._features[int(index[1])]}'"
        raise invalid(message, path) from None


class InvocationsCodec(PredictCodec):
    """SageMaker's: PredictCodec's JSON, or CSV: features in the order of the model → label,probability; no header line.

    The context is the type of the answer.
    """

    def __init__(self, model: Model, max_rows: int) -> None:
        super().__init__(model, max_rows)
        self._classes = model.manifest.classes

    def decode(self, body: bytes, headers: dict[bytes, bytes]) -> tuple[bytes, int, str]:
        kind = body_type(headers, "application/json", "text/csv")
        answer = answer_type(headers, "application/json", "text/csv")
        return *(self._decode_csv(body) if kind == "text/csv" else self._decode_json(body)), answer

    def encode(self, outcome: Outcome, context: str) -> tuple[bytes, Headers]:
        if context != "text/csv":
            return super().encode(outcome, context)
        text = io.StringIO()
        rows = [(self._classes[number], f"{value:.6f}") for number, value in zip(*outcome, strict=True)]
        csv.writer(text, lineterminator="\n").writerows(rows)
        return text.getvalue().encode(), CSV

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
        packed = []
        for at, row in enumerate(table):
            if len(row) != len(self._features):
                raise invalid(f"Expected {len(self._features)} numbers, got {len(row)}", f"instances[{at}]")
            for number, text in enumerate(row):
                if not _NUMBER(text) or not -FLOAT32_MAX <= float(text) <= FLOAT32_MAX:
                    message = f"Expected a float32 number, got '{text[:40]}' for feature '{self._features[number]}'"
                    raise invalid(message, f"instances[{at}][{number}]")
            packed.append(self._pack(*map(float, row)))
        return b"".join(packed), count


def _request(name: str, row: Any) -> Any:
    rows = Annotated[list[row], msgspec.Meta(min_length=1)]
    return msgspec.defstruct(name, [("instances", rows)], forbid_unknown_fields=True)


def explain(error: msgspec.ValidationError) -> tuple[str, str | None]:
    """msgspec's message without its path, and the path if there is one."""
    text = str(error)
    found = _PATH.search(text)
    return (text[: found.start()], found[1]) if found else (text, None)


def check_rows(count: int, limit: int, field: str) -> None:
    if count > limit:
        raise invalid(f"{count} rows were sent; the limit is {limit} a request", field, "too_many_rows")


def malformed(error: Exception) -> ApiError:
    return ApiError(400, "malformed_json", f"The body is not JSON: {error}")
