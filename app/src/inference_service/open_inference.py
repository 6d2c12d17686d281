"""The Open Inference Protocol v2 with its binary tensors, over HTTP.

https://github.com/kserve/open-inference-protocol and, for the extension `binary_tensor_data`,
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md: the header
Inference-Header-Content-Length says where the JSON ends; behind it stand the tensors whose `binary_data_size` says so,
in their order, little-endian. Parameters that are not known are ignored.
"""

import struct
from typing import Annotated, Any

import msgspec

from .codecs import INPUT_NAME, NOT_JSON, check_rows, explain, invalid, malformed, pack
from .errors import ApiError, Headers
from .media import JSON, body_type
from .model import Model, Outcome


class InferInput(msgspec.Struct):
    """`data` flat or nested, row after row; none when the tensor is binary."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any] | None = None
    parameters: dict[str, Any] | None = None


class RequestedOutput(msgspec.Struct):
    name: str
    parameters: dict[str, Any] | None = None


class InferRequest(msgspec.Struct):
    inputs: Annotated[list[InferInput], msgspec.Meta(min_length=1, max_length=1)]
    id: str | None = None
    parameters: dict[str, Any] | None = None
    outputs: list[RequestedOutput] | None = None


class InferCodec:
    # And how `struct` reads them.
    DATATYPES = {"FP32": "f", "FP64": "d"}  # noqa: RUF012 (nobody changes it)
    OUTPUTS = (("label", "BYTES"), ("probability", "FP32"))

    def __init__(self, model: Model, max_rows: int) -> None:
        self._model = model
        self._width = model.width
        self._max_rows = max_rows
        self._decode = msgspec.json.Decoder(InferRequest).decode

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
            raise invalid(*explain(error)) from None
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
        for number, output in enumerate(request.outputs or ()):
            if output.name not in dict(self.OUTPUTS):
                raise invalid(f"The model has no output '{output.name}'", f"outputs[{number}].name")
        data = self._numbers(tensor, tail)
        buffer = pack(self._model, data, lambda number: f"inputs[0].data[{number}]")
        return buffer, count, request

    def _numbers(self, tensor: InferInput, tail: bytes) -> list[Any]:
        """The tensor's numbers, row after row, from the JSON or from behind it."""
        count, width, data = tensor.shape[0], self._width, tensor.data
        size = (tensor.parameters or {}).get("binary_data_size")
        if size is not None:
            if data is not None:
                raise _malformed_binary("Expected `data` or the parameter binary_data_size, not both")
            layout = f"<{count * width}{self.DATATYPES[tensor.datatype]}"
            needed = struct.calcsize(layout)
            if type(size) is not int or not size == len(tail) == needed:
                raise _malformed_binary(
                    f"{tensor.datatype} {tensor.shape} takes {needed} bytes; binary_data_size is {size!r}, "
                    f"and {len(tail)} bytes stand behind the JSON (see Inference-Header-Content-Length)"
                )
            return list(struct.unpack(layout, tail))
        if tail:
            raise _malformed_binary(f"{len(tail)} bytes stand behind the JSON, but no input has a binary_data_size")
        if data is None:
            raise invalid("Expected `data`, or binary data and the parameter binary_data_size", "inputs[0]")
        if data and isinstance(data[0], list):
            if len(data) != count or any(not isinstance(row, list) or len(row) != width for row in data):
                raise invalid(f"Expected {count} rows of {width} numbers", "inputs[0].data")
            data = [value for row in data for value in row]
        if len(data) != count * width:
            raise invalid(f"Expected {count * width} numbers, got {len(data)}", "inputs[0].data")
        return data

    def encode(self, outcome: Outcome, context: InferRequest) -> tuple[bytes, Headers]:
        manifest = self._model.manifest
        wanted = {output.name: output.parameters or {} for output in context.outputs or ()}
        by_default = (context.parameters or {}).get("binary_data_output") is True
        labels = [manifest.classes[number] for number in outcome[0]]
        values: dict[str, list[Any]] = {"label": labels, "probability": [round(value, 6) for value in outcome[1]]}
        outputs, tail = [], []
        for name, datatype in self.OUTPUTS:
            if wanted and name not in wanted:
                continue
            output: dict[str, Any] = {"name": name, "shape": [len(labels)], "datatype": datatype}
            if wanted.get(name, {}).get("binary_data", by_default) is True:
                raw = _binary(values[name])
                output["parameters"] = {"binary_data_size": len(raw)}
                tail.append(raw)
            else:
                output["data"] = values[name]
            outputs.append(output)
        response = {"model_name": manifest.name, "model_version": manifest.version, "outputs": outputs}
        body = msgspec.json.encode(response if context.id is None else {**response, "id": context.id})
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
