"""The conventions that requests may speak: from bytes to rows, and from the model's outcome to bytes.

`PredictCodec` is this service's own and SageMaker's JSON (`/predict`, `/invocations`), `InferCodec` the Open Inference
Protocol v2 (`/v2/models/{model}/infer`, https://github.com/kserve/open-inference-protocol). All of it is made once
for a model: msgspec checks types, counts and ranges while it reads.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, NoReturn, Protocol

import msgspec

from .errors import ApiError
from .model import Model, Outcome

# The largest number that float32 holds: beyond it a feature would become infinite on its way to the model.
FLOAT32_MAX = 3.4028234e38
INPUT_NAME = "features"
_PATH = re.compile(r" - at `\$\.?(.+)`$")
_INDEX = re.compile(r"instances\[\d+\]\[(\d+)\]$")

# Beside what it says itself, msgspec lets through what Python raises for bad UTF-8 and for nesting without end.
_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

Number = Annotated[float, msgspec.Meta(ge=-FLOAT32_MAX, le=FLOAT32_MAX)]


class Codec(Protocol):
    def decode(self, body: bytes) -> tuple[bytes, int, Any]:
        """Packed float32 rows, their number, and what `encode` needs to know. Raises ApiError."""

    def encode(self, outcome: Outcome, context: Any) -> bytes:
        """The body of the answer."""


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

    def decode(self, body: bytes) -> tuple[bytes, int, None]:
        try:
            rows = self._decode(body).instances
        except msgspec.ValidationError as error:
            rows = self._named_rows(body, error)
        except _NOT_JSON as error:
            raise _malformed(error) from None
        count = len(rows)
        if count == 1:
            return self._pack(*rows[0]), 1, None
        _check_rows(count, self._max_rows, "instances")
        pack = self._pack
        return b"".join([pack(*row) for row in rows]), count, None

    def encode(self, outcome: Outcome, context: None) -> bytes:
        classes, probabilities = outcome
        if len(classes) == 1:
            return b'{"predictions":[%b%b' % (self._texts[classes[0]] % probabilities[0], self._tail)
        texts = self._texts
        rows = [texts[number] % value for number, value in zip(classes, probabilities, strict=True)]
        return b'{"predictions":[%b%b' % (b",".join(rows), self._tail)

    def _named_rows(self, body: bytes, error: msgspec.ValidationError) -> list[Any]:
        """The rows of a body whose rows are objects; raises the fitting ApiError when it is no such body."""
        try:
            lenient = msgspec.json.decode(body)
        except _NOT_JSON as malformed:
            raise _malformed(malformed) from None
        instances = lenient.get("instances") if isinstance(lenient, dict) else None
        if not (isinstance(instances, list) and instances and isinstance(instances[0], dict)):
            self._refuse(error)
        try:
            named = self._decode_named(body).instances
        except msgspec.ValidationError as wrong:
            self._refuse(wrong)
        return [msgspec.structs.astuple(row) for row in named]

    def _refuse(self, error: msgspec.ValidationError) -> NoReturn:
        message, path = _explain(error)
        index = _INDEX.match(path)
        # What is wrong may stand behind the last feature: a row's numbers are looked at before its length.
        if index and int(index[1]) < len(self._features):
            message = f"{message} for feature '{self._features[int(index[1])]}'"
        raise ApiError(422, "invalid_input", message, field=path or None) from None


class InferInput(msgspec.Struct):
    """An input tensor of the Open Inference Protocol; `data` flat or nested, row after row."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any]
    parameters: dict[str, Any] = {}


class RequestedOutput(msgspec.Struct):
    name: str
    parameters: dict[str, Any] = {}


class InferRequest(msgspec.Struct):
    inputs: Annotated[list[InferInput], msgspec.Meta(min_length=1, max_length=1)]
    id: str | None = None
    parameters: dict[str, Any] = {}
    outputs: list[RequestedOutput] = []


class Output(msgspec.Struct):
    name: str
    shape: list[int]
    datatype: str
    data: list[Any]


class InferResponse(msgspec.Struct, omit_defaults=True):
    model_name: str
    model_version: str
    outputs: list[Output]
    id: str | None = None


class InferCodec:
    DATATYPES = ("FP32", "FP64")
    OUTPUTS = (("label", "BYTES"), ("probability", "FP32"))

    def __init__(self, model: Model, max_rows: int) -> None:
        self._manifest = model.manifest
        self._width = model.width
        self._pack = model.pack
        self._max_rows = max_rows
        self._decode = msgspec.json.Decoder(InferRequest).decode
        self._encode = msgspec.json.Encoder().encode

    def decode(self, body: bytes) -> tuple[bytes, int, InferRequest]:
        try:
            request = self._decode(body)
        except msgspec.ValidationError as error:
            message, path = _explain(error)
            raise ApiError(422, "invalid_input", message, field=path or None) from None
        except _NOT_JSON as error:
            raise _malformed(error) from None
        tensor = request.inputs[0]
        if tensor.name != INPUT_NAME:
            raise _invalid(f"The model's input is named '{INPUT_NAME}', not '{tensor.name}'", "inputs[0].name")
        if tensor.datatype not in self.DATATYPES:
            raise _invalid(f"Expected datatype FP32 or FP64, got '{tensor.datatype}'", "inputs[0].datatype")
        if len(tensor.shape) != 2 or tensor.shape[1] != self._width or tensor.shape[0] < 1:
            raise _invalid(f"Expected shape [rows, {self._width}], got {tensor.shape}", "inputs[0].shape")
        count = tensor.shape[0]
        _check_rows(count, self._max_rows, "inputs[0].shape")
        known = {name for name, _ in self.OUTPUTS}
        for number, output in enumerate(request.outputs):
            if output.name not in known:
                raise _invalid(f"The model has no output '{output.name}'", f"outputs[{number}].name")
        return self._packed(tensor.data, count), count, request

    def _packed(self, data: list[Any], count: int) -> bytes:
        if data and isinstance(data[0], list):
            if len(data) != count or any(not isinstance(row, list) or len(row) != self._width for row in data):
                raise _invalid(f"Expected {count} rows of {self._width} numbers", "inputs[0].data")
            data = [value for row in data for value in row]
        if len(data) != count * self._width:
            raise _invalid(f"Expected {count * self._width} numbers, got {len(data)}", "inputs[0].data")
        for number, value in enumerate(data):
            # bool is an int for Python; not so for a tensor.
            if type(value) not in (float, int) or not -FLOAT32_MAX <= value <= FLOAT32_MAX:
                feature = self._manifest.features[number % self._width]
                raise _invalid(f"Expected a float32 number for feature '{feature}'", f"inputs[0].data[{number}]")
        width = self._width
        return b"".join([self._pack(*data[at : at + width]) for at in range(0, count * width, width)])

    def encode(self, outcome: Outcome, context: InferRequest) -> bytes:
        classes, probabilities = outcome
        data: dict[str, list[Any]] = {
            "label": [self._manifest.classes[number] for number in classes],
            "probability": [round(value, 6) for value in probabilities],
        }
        wanted = {output.name for output in context.outputs} or data.keys()
        outputs = [
            Output(name, [len(classes)], datatype, data[name]) for name, datatype in self.OUTPUTS if name in wanted
        ]
        return self._encode(InferResponse(self._manifest.name, self._manifest.version, outputs, context.id))


def _decoder(name: str, row: Any) -> Any:
    rows = Annotated[list[row], msgspec.Meta(min_length=1)]
    return msgspec.json.Decoder(msgspec.defstruct(name, [("instances", rows)], forbid_unknown_fields=True)).decode


def _explain(error: msgspec.ValidationError) -> tuple[str, str]:
    """msgspec's message without its path, and the path."""
    text = str(error)
    found = _PATH.search(text)
    return (text[: found.start()], found[1]) if found else (text, "")


def _check_rows(count: int, limit: int, field: str) -> None:
    if count > limit:
        message = f"{count} rows were sent; the limit is {limit} a request"
        raise ApiError(422, "too_many_rows", message, field=field)


def _invalid(message: str, field: str) -> ApiError:
    return ApiError(422, "invalid_input", message, field=field)


def _malformed(error: Exception) -> ApiError:
    return ApiError(400, "malformed_json", f"The body is not JSON: {error}")
