"""How far the inputs of late are from the training data: the population stability index (PSI) of each feature.

Rows are counted into the bins of the manifest's training distribution; only the counts are kept. Rows wait for at most
CHUNK_ROWS before they are counted together, as counting one by one would cost more than predicting.
PSI = Σ (share − trained) · ln(share / trained) over the bins; below 0.1 is usually taken as stable, above 0.25 as
drifted.
"""

from typing import Any

from .model import Manifest

CHUNK_ROWS = 512
# A bin nobody fell into yet would make the logarithm infinite.
LEAST_SHARE = 1e-4


class Drift:
    def __init__(self, manifest: Manifest) -> None:
        import numpy

        self._numpy: Any = numpy
        self._features = manifest.features
        self._edges = [numpy.asarray(bins.edges, numpy.float32) for bins in manifest.distribution]
        self._trained = [numpy.maximum(bins.shares, LEAST_SHARE) for bins in manifest.distribution]
        self._counts = [numpy.zeros(len(bins.shares), numpy.int64) for bins in manifest.distribution]
        self._pending = bytearray()
        self._chunk_bytes = CHUNK_ROWS * len(self._features) * 4
        self.rows = 0

    def add(self, buffer: bytes) -> None:
        """Rows of float32, one after the other."""
        self._pending += buffer
        if len(self._pending) >= self._chunk_bytes:
            self.count()

    def count(self) -> None:
        """Count what is pending, and forget it."""
        numpy = self._numpy
        rows = numpy.frombuffer(self._pending, numpy.float32).reshape(-1, len(self._features))
        self._pending = bytearray()
        self.rows += len(rows)
        for counts, edges, column in zip(self._counts, self._edges, rows.T, strict=True):
            counts += numpy.bincount(numpy.searchsorted(edges, column, side="right"), minlength=len(counts))

    def psi(self) -> dict[str, float]:
        """Per feature; empty as long as no row was seen."""
        self.count()
        if not self.rows:
            return {}
        numpy, result = self._numpy, {}
        for name, counts, trained in zip(self._features, self._counts, self._trained, strict=True):
            share = numpy.maximum(counts / self.rows, LEAST_SHARE)
            result[name] = round(float(numpy.sum((share - trained) * numpy.log(share / trained))), 6)
        return result
