"""The model: read from a folder, checked against its manifest and its golden requests, and run."""

from __future__ import annotations

import hashlib
import struct
import time
from pathlib import Path
from typing import Any

import msgspec


class ModelError(Exception):
    """The model cannot be served; the message is the reason."""


class Expected(msgspec.Struct):
    label: str
    probability: float


class Golden(msgspec.Struct):
    name: str
    # {"instances": rows} and {"predictions": what is expected for each}.
    body: dict[str, list[list[float]]]
    expect: dict[str, list[Expected]]
    tolerance: float


class Bins(msgspec.Struct):
    edges: list[float]
    shares: list[float]


class Manifest(msgspec.Struct):
    """What a model is, written by train.py; only the keys that the service uses."""

    name: str
    version: str
    sha256: str
    features: list[str]
    classes: list[str]
    golden: list[Golden]
    metrics: dict[str, float] = {}
    distribution: list[Bins] = []
    file: str = "model.onnx"


# The answer for some rows: per row the number of its class, and the probability of that class.
Outcome = tuple[list[int], list[float]]
# In the place of a class: the model's probabilities for this row are not valid.
INVALID = -1
NO_PROBABILITIES = "NaN, infinity or a probability outside 0 to 1"
# Sums of float32 may miss 1 by as much.
_ROUNDING = 1e-5


class Model:
    """An ONNX classifier with one float32 input [rows, features] and an output named `probabilities`."""

    def __init__(self, manifest: Manifest, content: bytes) -> None:
        # Here and not at the top: the slowest import of all waits until the socket listens.
        import numpy
        import onnxruntime

        options = onnxruntime.SessionOptions()
        # One request at a time runs on one core: more threads only fight with the event loop for it.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # The arena keeps the memory of the largest batch for ever, and small models gain nothing from it.
        options.enable_cpu_mem_arena = False
        try:
            session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the runtime raises a dozen unrelated classes
            raise ModelError(f"Failed to load {manifest.file}: {error}") from error
        self.manifest = manifest
        self.width = len(manifest.features)
        self._input = session.get_inputs()[0].name
        self._run: Any = session.run
        self._numpy: Any = numpy
        self.pack = struct.Struct(f"{self.width}f").pack

    def run(self, buffer: bytes) -> Outcome:
        """Classify the rows of `buffer`: float32, native byte order, row after row."""
        numpy = self._numpy
        rows = numpy.frombuffer(buffer, numpy.float32).reshape(-1, self.width)
        probabilities = self._run(["probabilities"], {self._input: rows})[0]
        # The array's own min and max take a third longer to call.
        classes, highest = probabilities.argmax(1).tolist(), numpy.maximum.reduce(probabilities, 1).tolist()
        # The least of numbers of which one is NaN is NaN.
        if not numpy.minimum.reduce(probabilities, None) >= 0 or max(highest) > 1:
            for at, row in enumerate(probabilities.tolist()):
                if not all(-_ROUNDING <= value <= 1 + _ROUNDING for value in row):
                    classes[at] = INVALID
                highest[at] = min(highest[at], 1.0)
        return classes, highest

    def warm_up(self, rows: int) -> float:
        """Check the golden requests and run a full batch; returns the seconds that a full batch takes.

        Raises ModelError if an answer is not what the manifest expects.
        """
        full = b"\0" * (4 * self.width) * rows
        for golden in self.manifest.golden:
            buffer = b"".join([self.pack(*instance) for instance in golden.body["instances"]])
            full = buffer[: 4 * self.width] * rows
            classes, probabilities = self.run(buffer)
            if INVALID in classes:
                at = f"row {classes.index(INVALID)} of its golden request '{golden.name}'"
                raise ModelError(f"Model {self.manifest.version} gives {NO_PROBABILITIES} for {at}")
            labels = [self.manifest.classes[number] for number in classes]
            for label, probability, wanted in zip(labels, probabilities, golden.expect["predictions"], strict=True):
                if label != wanted.label or abs(probability - wanted.probability) > golden.tolerance:
                    answer = f"'{label}' {probability:.6f}, not '{wanted.label}' {wanted.probability:.6f}"
                    raise ModelError(
                        f"Model {self.manifest.version} answers its golden request '{golden.name}' with {answer}, "
                        "as its manifest says"
                    )
        times = []
        for _ in range(3):
            start = time.perf_counter()
            self.run(full)
            times.append(time.perf_counter() - start)
        return min(times)


def checked(manifest: Manifest, content: bytes, source: object) -> None:
    """Raises ModelError if `content`, read from `source`, is not the model that its manifest describes."""
    checksum = hashlib.sha256(content).hexdigest()
    if checksum != manifest.sha256:
        raise ModelError(f"Wrong checksum: {source} has SHA-256 {checksum}, but its manifest says {manifest.sha256}")


def decoded(text: bytes, source: object) -> Manifest:
    """Raises ModelError if `text`, read from `source`, is no manifest."""
    try:
        return msgspec.json.decode(text, type=Manifest)
    except msgspec.DecodeError as error:
        raise ModelError(f"Failed to read {source}, which is not a manifest: {error}") from error


def load_files(folder: Path) -> tuple[Manifest, bytes]:
    """Read manifest and model of `folder`; raises ModelError if one is missing or they do not belong together."""
    try:
        manifest = decoded((folder / "manifest.json").read_bytes(), folder / "manifest.json")
        content = (folder / manifest.file).read_bytes()
    except OSError as error:
        raise ModelError(f"Failed to read {error.filename}: {error.strerror}") from error
    checked(manifest, content, folder / manifest.file)
    return manifest, content


def load(folder: Path, version: str = "", sha256: str = "") -> Model:
    """The model of `folder`; raises ModelError if it is missing, damaged, or has another version or checksum."""
    manifest, content = load_files(folder)
    if version and version != manifest.version:
        raise ModelError(f"{folder} holds model {manifest.version}, but MODEL_VERSION asks for {version}")
    if sha256 and sha256 != manifest.sha256:
        raise ModelError(f"{folder} holds a model with SHA-256 {manifest.sha256}, but MODEL_SHA256 asks for {sha256}")
    return Model(manifest, content)
