"""The Open Inference Protocol v2 with its binary tensors, over HTTP.

https://github.com/kserve/open-inference-protocol and, for the extension `binary_tensor_data`,
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md: the header
Inference-Header-Content-Length says where the JSON ends; behind it stand the tensors whose `binary_data_size` says so,
in their order, little-endian. Parameters that are not known are ignored.
"""

from __future__ import annotations

import struct
from typing import Annotated, Any

import msgspec

from .codecs import FLOAT32_MAX, INPUT_NAME, NOT_JSON, check_rows, explain, invalid, malformed
from .errors import ApiError, Headers
from .media import JSON, body_type
from .model import Model, Outcome

Parameters = dict[str, Any] | None


class InferInput(msgspec.Struct):
    """`data` flat or nested, row after row; none when the tensor is binary."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any] | None = None
    parameters: Parameters = None


class RequestedOutput(msgspec.Struct):
    name: str
    parameters: Parameters = None


class InferRequest(msgspec.Struct):
    inputs: Annotated[list[InferInput], msgspec.Meta(min_length=1, max_length=1)]
    id: str | None = None
    parameters: Parameters = None
    outputs: list[RequestedOutput] | None = None


class Output(msgspec.Struct, omit_defaults=True):
    name: str
    shape: list[int]
    datatype: str
    data: list[Any] | None = None
    parameters: Parameters = None


class InferResponse(msgspec.Struct, omit_defaults=True):
    model_name: str
    model_version: str
    outputs: list[Output]
    id: str | None = None


class InferCodec:
    # And how `struct` reads them.
    DATATYPES = {"FP32": "f", "FP64": "d"}  # noqa: RUF012 (nobody changes it)
    OUTPUTS = (("label", "BYTES"), ("probability", "FP32"))

    def __init__(self, model: Model, max_rows: int) -> None:
        self._manifest = model.manifest
        self._width = model.width
        self._pack = model.pack
        self._max_rows = max_rows
        self._decode = msgspec.json.Decoder(InferRequest).decode
        self._encode = msgspec.json.Encoder().encode

    def decode(self, body: bytes, headers: dict[bytes, bytes]) -> tuple[bytes, int, InferRequest]:
        body_type(headers, "application/json", "application/octet-stream")
        announced = headers.get(b"inference-header-content-length")
        tail = b""
        if announced is not None:
            if not announced.isdigit() or len(announced) > 12 or int(announced) > len(body):
                message = f"Inference-Header-Content-Length must be a number, at most the body's {len(body)} bytes"
                raise _malformed_binary(message)
            body, tail = body[: int(announced)], body[int(announced) :]
        try:
            request = self._decode(body)
        except msgspec.ValidationError as error:
            message, path = explain(error)
            raise ApiError(422, "invalid_input", message, field=path or None) from None
        except NOT_JSON as error:
            raise malformed(error) from None
        tensor = request.inputs[0]
        if tensor.name != INPUT_NAME:
            raise invalid(f"The model's input is named '{INPUT_NAME}', not '{tensor.name}'", "inputs[0].name")
        if tensor.datatype not in self.DATATYPES:
            raise invalid(f"Expected datatype FP32 or FP64, got '{tensor.datatype}'", "inputs[0].datatype")
        if len(tensor.shape) != 2 or tensor.shape[1] != self._width or tensor.shape[0] < 1:
            raise invalid(f"Expected shape [rows, {self._width}], got {tensor.shape}", "inputs[0].shape")
        count = tensor.shape[0]
        check_rows(count, self._max_rows, "inputs[0].shape")
        known = {name for name, _ in self.OUTPUTS}
        for number, output in enumerate(request.outputs or ()):
            if output.name not in known:
                raise invalid(f"The model has no output '{output.name}'", f"outputs[{number}].name")
        return self._packed(self._numbers(tensor, tail), count), count, request

    def _numbers(self, tensor: InferInput, tail: bytes) -> list[Any]:
        """The tensor's numbers, row after row, from the JSON or from behind it."""
        count = tensor.shape[0]
        size = (tensor.parameters or {}).get("binary_data_size")
        if size is None:
            if tail:
                raise _malformed_binary(f"{len(tail)} bytes stand behind the JSON, but no input has a binary_data_size")
            if tensor.data is None:
                raise invalid("Expected `data`, or binary data and the parameter binary_data_size", "inputs[0]")
            return self._flat(tensor.data, count)
        if tensor.data is not None:
            raise _malformed_binary("Expected `data` or the parameter binary_data_size, not both")
        layout = f"<{count * self._width}{self.DATATYPES[tensor.datatype]}"
        needed = struct.calcsize(layout)
        if type(size) is not int or not size == len(tail) == needed:
            raise _malformed_binary(
                f"{tensor.datatype} {tensor.shape} takes {needed} bytes; binary_data_size is {size!r}, "
                f"and {len(tail)} bytes stand behind the JSON (see Inference-Header-Content-Length)"
            )
        return list(struct.unpack(layout, tail))

    def _flat(self, data: list[Any], count: int) -> list[Any]:
        if data and isinstance(data[0], list):
            if len(data) != count or any(not isinstance(row, list) or len(row) != self._width for row in data):
                raise invalid(f"Expected {count} rows of {self._width} numbers", "inputs[0].data")
            data = [value for row in data for value in row]
        if len(data) != count * self._width:
            raise invalid(f"Expected {count * self._width} numbers, got {len(data)}", "inputs[0].data")
        return data

    def _packed(self, data: list[Any], count: int) -> bytes:
        for number, value in enumerate(data):
            # bool is an int for Python; not so for a tensor. NaN is in no range.
            if type(value) not in (float, int) or not -FLOAT32_MAX <= value <= FLOAT32_MAX:
                feature = self._manifest.features[number % self._width]
                raise invalid(f"Expected a float32 number for feature '{feature}'", f"inputs[0].data[{number}]")
        width = self._width
        return b"".join([self._pack(*data[at : at + width]) for at in range(0, count * width, width)])

    def encode(self, outcome: Outcome, context: InferRequest) -> tuple[bytes, Headers]:
        classes, probabilities = outcome
        wanted = {output.name: output.parameters or {} for output in context.outputs or ()}
        by_default = (context.parameters or {}).get("binary_data_output") is True
        outputs, tail = [], []
        for name, datatype in self.OUTPUTS:
            if wanted and name not in wanted:
                continue
            output = Output(name, [len(classes)], datatype)
            data: list[Any] = [self._manifest.classes[number] for number in classes]
            if datatype == "FP32":
                data = [round(value, 6) for value in probabilities]
            if wanted.get(name, {}).get("binary_data", by_default) is True:
                raw = _binary(data)
                output.parameters = {"binary_data_size": len(raw)}
                tail.append(raw)
            else:
                output.data = data
            outputs.append(output)
        body = self._encode(InferResponse(self._manifest.name, self._manifest.version, outputs, context.id))
        if not tail:
            return body, JSON
        length = (b"inference-header-content-length", b"%d" % len(body))
        return b"".join([body, *tail]), ((b"content-type", b"application/octet-stream"), length)


def _binary(data: list[Any]) -> bytes:
    """FP32, or BYTES: each with its length before it."""
    if isinstance(data[0], float):
        return struct.pack(f"<{len(data)}f", *data)
    texts = [text.encode() for text in data]
    return b"".join([struct.pack("<I", len(text)) + text for text in texts])


def _malformed_binary(message: str) -> ApiError:
    return ApiError(400, "malformed_binary", message)
