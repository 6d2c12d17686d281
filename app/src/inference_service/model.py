"""The edge to the model: reading it from a folder, proving that it is the right one, running it."""

import hashlib
import struct
import timeit
from pathlib import Path
from typing import Any

import msgspec


class ModelError(Exception):
    """The model cannot be served; the message says why."""


class Expected(msgspec.Struct):
    label: str
    probability: float


class Golden(msgspec.Struct):
    """A request by its name, {"instances": rows}, and the {"predictions": …} that it must get."""

    name: str
    body: dict[str, list[list[float]]]
    expect: dict[str, list[Expected]]
    tolerance: float


class Bins(msgspec.Struct):
    edges: list[float]
    shares: list[float]


class Manifest(msgspec.Struct):
    """What a model is; written by train.py. Keys that the service does not use are not listed."""

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
# In the place of a class: the model's probabilities for this row are none.
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
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
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
        self._from_buffer: Any = numpy.frombuffer
        self._float32: Any = numpy.float32
        self.pack = struct.Struct(f"{self.width}f").pack

    def run(self, buffer: bytes) -> Outcome:
        """Classify the rows of `buffer`: float32, native byte order, row after row."""
        rows = self._from_buffer(buffer, self._float32).reshape(-1, self.width)
        table = self._run(["probabilities"], {self._input: rows})[0].tolist()
        # For the rows of a usual batch, faster than arrays.
        highest = list(map(max, table))
        classes = list(map(list.index, table, highest))
        # Whether all are within 0 to 1, as almost always. Beside a NaN `min` and `max` may miss it; a sum is then NaN.
        if not (min(map(min, table)) >= 0 and max(highest) <= 1 and sum(map(sum, table)) >= 0):
            for at, row in enumerate(table):
                if not all(-_ROUNDING <= value <= 1 + _ROUNDING for value in row):
                    classes[at] = INVALID
                highest[at] = min(highest[at], 1.0)
        return classes, highest

    def warm_up(self, rows: int) -> float:
        """Check the golden requests and run a full batch; gives the seconds that a full batch takes.

        Raises ModelError when an answer is not what the manifest expects.
        """
        version = self.manifest.version
        row = b"\0" * (4 * self.width)
        for golden in self.manifest.golden:
            buffer = b"".join([self.pack(*instance) for instance in golden.body["instances"]])
            classes, probabilities = self.run(buffer)
            row = buffer[: 4 * self.width]
            if INVALID in classes:
                at = f"row {classes.index(INVALID)} of its golden request '{golden.name}'"
                raise ModelError(f"Model {version} gives {NO_PROBABILITIES} for {at}")
            found = list(zip([self.manifest.classes[number] for number in classes], probabilities, strict=True))
            for (label, probability), want in zip(found, golden.expect["predictions"], strict=True):
                if label != want.label or abs(probability - want.probability) > golden.tolerance:
                    answer = f"its golden request '{golden.name}' with {found}, not as its manifest says"
                    raise ModelError(f"Model {version} answers {answer}")
        full_batch = row * rows
        return min(timeit.repeat(lambda: self.run(full_batch), repeat=3, number=1))


def load_files(folder: Path) -> tuple[Manifest, bytes]:
    """Read manifest and model of `folder`; raises ModelError when one is missing or they do not belong together."""
    try:
        manifest = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest)
        content = (folder / manifest.file).read_bytes()
    except OSError as error:
        raise ModelError(f"Failed to read {error.filename}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise ModelError(f"Failed to read {folder / 'manifest.json'}: {error}") from error
    check(str(folder / manifest.file), content, manifest)
    return manifest, content


def check(name: str, content: bytes, manifest: Manifest) -> None:
    """Raises ModelError when the content of the file `name` is not the model of the manifest."""
    checksum = hashlib.sha256(content).hexdigest()
    if checksum != manifest.sha256:
        raise ModelError(f"Wrong checksum: {name} has SHA-256 {checksum}, but its manifest says {manifest.sha256}")


def load(folder: Path, wanted_version: str = "", wanted_sha256: str = "") -> Model:
    """The model of `folder`; raises ModelError when something is missing or is not what it claims or should be."""
    manifest, content = load_files(folder)
    if wanted_version not in ("", manifest.version):
        raise ModelError(f"{folder} holds model {manifest.version}, but MODEL_VERSION asks for {wanted_version}")
    if wanted_sha256 not in ("", manifest.sha256):
        raise ModelError(f"{folder} holds SHA-256 {manifest.sha256}, but MODEL_SHA256 asks for {wanted_sha256}")
    return Model(manifest, content)
