"""The load: several kinds of clients side by side, each a process of its own that sends until we let it go."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.harness.load.client import TIMEOUT_S, Stream
from tests.harness.load.measure import Sample

ROOT = Path(__file__).parents[3]
# Of each loop's rate: how much over which protocol, and over connections that are kept or new.
SHARES = ((False, True, 0.4), (False, False, 0.1), (True, True, 0.4), (True, False, 0.1))
SLOW_RATE, SLOW_S = 2.0, 2.0
SLOW = "slow"
# The clients stand for other machines: they do not wait for this one's processor. (Who may not do this runs as usual.)
NICE = ("nice", "-n", "-10")


def streams(rate: float) -> list[Stream]:
    """`rate`: requests per second of the open loop, and as many again of the closed one."""
    made = []
    for loop in ("open", "closed"):
        for http2, keep, share in SHARES:
            name = f"{loop} loop, HTTP/{2 if http2 else '1.1'}, {'kept' if keep else 'new'} connections"
            made.append(Stream(name, loop, keep, http2, rate * share))
    # Of these only failures count; they are in flight at every switch.
    return [*made, Stream(SLOW, "open", True, False, SLOW_RATE, slow_s=SLOW_S)]


@dataclass
class Load:
    """`with Load(…) as load:` sends; afterwards `load.samples` has every request of every stream, by its name."""

    streams: Sequence[Stream]
    host: str
    path: str
    body: str
    ca_file: str
    samples: dict[str, list[Sample]] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="slipway-bench-")
        self._clients: list[tuple[Stream, Path, subprocess.Popen[bytes]]] = []
        for number, stream in enumerate(self.streams):
            out = Path(self._folder.name) / f"{number}.json"
            given = {"stream": asdict(stream), "host": self.host, "path": self.path, "body": self.body,
                     "ca_file": self.ca_file, "out": str(out)}  # fmt: skip
            argv = [*NICE, sys.executable, "-m", "tests.harness.load.client", json.dumps(given)]
            self._clients.append((stream, out, subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE)))
        return self

    def check(self) -> None:
        """Raises RuntimeError when a client is gone."""
        for stream, _, process in self._clients:
            if process.poll() is not None:
                raise RuntimeError(f"the client of `{stream.name}` ended with {process.returncode}")

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _, _, process in self._clients:
            if process.stdin:
                process.stdin.close()
        try:
            for stream, out, process in self._clients:
                process.wait(TIMEOUT_S + 20)
                if process.returncode == 0:
                    self.samples[stream.name] = [Sample(*it) for it in json.loads(out.read_text())]
        finally:
            for _, _, process in self._clients:
                process.kill()
            self._folder.cleanup()
        if len(self.samples) < len(self.streams) and value is None:
            raise RuntimeError(f"no samples of: {', '.join({it.name for it in self.streams} - set(self.samples))}")
