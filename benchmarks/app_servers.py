"""What the benchmark of app/ compares: how each server gets its environment, starts, and is asked.

Each has a virtual environment of its own, made from its lock and kept in the user's cache until the lock changes. All
run the same fitted model in one process, pinned to one core.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
APP = ROOT / "app"
PEERS = Path(__file__).resolve().parent / "app_peers"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "slipway" / "bench-app"
READY_TIMEOUT_S = 60.0
API_KEY = "benchmark"


@dataclass(frozen=True)
class Files:
    """What the servers load: the service its exported model, the others the estimator that it was exported from."""

    model: Path
    estimator: Path
    scratch: Path


@dataclass(frozen=True)
class Kind:
    """A server to compare. argv(python, port, files) starts it, in `scratch`, with `environment(port, files)` added."""

    name: str
    locks: tuple[Path, ...]
    argv: Callable[[str, int, Files], list[str]]
    environment: Callable[[int, Files], dict[str, str]] = lambda port, files: {}
    path: str = "/predict"
    ready: str = "/ready"
    body: Callable[[list[list[float]]], object] = lambda rows: {"instances": rows}


def _v2_body(rows: list[list[float]]) -> object:
    data = [value for row in rows for value in row]
    tensor = {"name": "predict", "shape": [len(rows), len(rows[0])], "datatype": "FP32", "data": data}
    return {"inputs": [tensor], "outputs": [{"name": "predict_proba"}]}


def _service_environment(port: int, files: Files) -> dict[str, str]:
    return {
        "PYTHONPATH": str(APP / "src"),
        "MODEL_PATH": str(files.model),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "DRAIN_DELAY_S": "0",
        # With all that it does in production: a key is checked, each request is counted and logged.
        "API_KEY_SHA256": hashlib.sha256(API_KEY.encode()).hexdigest(),
    }


def _mlserver(python: str, port: int, files: Files) -> list[str]:
    folder = files.scratch / f"mlserver-{port}"
    folder.mkdir(exist_ok=True)
    settings = {"http_port": port, "grpc_port": port + 100, "metrics_port": port + 200, "parallel_workers": 0}
    (folder / "settings.json").write_text(json.dumps({**settings, "host": "127.0.0.1", "debug": False}))
    model = {
        "name": "model",
        "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": str(files.estimator)},
    }
    (folder / "model-settings.json").write_text(json.dumps(model))
    return [str(Path(python).with_name("mlserver")), "start", str(folder)]


def _script(name: str) -> Callable[[str, int, Files], list[str]]:
    return lambda python, port, files: [python, str(PEERS / name), str(port), str(files.estimator)]


SERVICE_LOCKS = (APP / "requirements.lock",)
KINDS = (
    Kind("service", SERVICE_LOCKS, lambda python, *_: [python, "-m", "inference_service"], _service_environment),
    Kind("hello", SERVICE_LOCKS, _script("hello.py"), ready="/"),
    Kind("fastapi", (PEERS / "fastapi.lock",), _script("naive.py")),
    Kind(
        "bentoml",
        (PEERS / "bentoml.lock",),
        lambda python, port, files: [
            python, "-m", "bentoml", "serve", "bento_service:Inference", "--working-dir", str(PEERS),
            "--host", "127.0.0.1", "--port", str(port),
        ],
        lambda port, files: {"MODEL": str(files.estimator), "BENTOML_DO_NOT_TRACK": "True",
                             "BENTOML_HOME": str(files.scratch / "bentoml")},
        ready="/readyz",
    ),
    Kind("litserve", (PEERS / "litserve.lock",), _script("lit_service.py"), ready="/health"),
    Kind("mlserver", (PEERS / "mlserver.lock",), _mlserver, path="/v2/models/model/infer", ready="/v2/health/ready",
         body=_v2_body),
)  # fmt: skip


def environment_python(locks: tuple[Path, ...]) -> str:
    """The interpreter of a virtual environment with exactly these locks; made when it is not there yet."""
    key = hashlib.sha256(b"".join(lock.read_bytes() for lock in locks) + sys.version.encode()).hexdigest()[:12]
    folder = CACHE / f"{locks[0].stem}-{key}"
    python = folder / "bin" / "python"
    if not (folder / ".ok").exists():
        print(f"Making {folder}", file=sys.stderr)
        command = [sys.executable, str(ROOT / "tools" / "locked.py"), "venv", str(folder), *map(str, locks)]
        done = subprocess.run(command, timeout=900, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"Failed to make {folder}:\n{(done.stdout + done.stderr)[-2000:]}")
        (folder / ".ok").touch()
    return str(python)


class Server:
    """A running server, alone on its core. Stopped ones (`pause`) use no processor time but keep what they loaded."""

    def __init__(self, kind: Kind, port: int, files: Files, core: int) -> None:
        self.kind = kind
        self.port = port
        python = environment_python(kind.locks)
        variables = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", **kind.environment(port, files)}
        # Compiled once, by whoever starts first, as it is in an image; whatever this shell says about bytecode.
        variables |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(files.scratch / "bytecode")}
        # Its own tools first: bentoml and mlserver start programs by name.
        path = f"{Path(python).parent}:{os.environ['PATH']}"
        self._log = (files.scratch / f"{kind.name}.log").open("w+b")
        started = time.perf_counter()
        self.popen = subprocess.Popen(
            ["taskset", "--cpu-list", str(core), *kind.argv(python, port, files)],
            env={**os.environ, "PATH": path, **variables},
            cwd=files.scratch,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._wait()
        self.start_s = time.perf_counter() - started

    def _wait(self) -> None:
        deadline = time.monotonic() + READY_TIMEOUT_S
        url = f"http://127.0.0.1:{self.port}{self.kind.ready}"
        while True:
            try:
                urllib.request.urlopen(url, timeout=1).close()
                return
            except OSError as error:
                late = time.monotonic() > deadline
                if late or self.popen.poll() is not None:
                    self._log.seek(0)
                    text = self._log.read().decode(errors="replace")[-2000:]
                    self.stop()
                    why = f"was not ready within {READY_TIMEOUT_S:g} s ({error})" if late else "ended at its start"
                    raise RuntimeError(f"{self.kind.name} {why}:\n{text}") from error
                time.sleep(0.005)

    def _processes(self) -> list[Path]:
        """Its first process and all that descend from it: some servers give their workers sessions of their own."""
        parents = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
        mine = {self.popen.pid}
        while more := {pid for pid, parent in parents.items() if parent in mine} - mine:
            mine |= more
        return [Path("/proc") / str(pid) for pid in mine if pid in parents]

    def cpu_s(self) -> float:
        """Processor time of all its processes so far, with that of threads that have ended."""
        ticks = 0
        for process in self._processes():
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def rss_mb(self) -> float:
        pages = [int((process / "statm").read_text().split()[1]) for process in self._processes()]
        return sum(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6

    def pause(self) -> None:
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        _signal(self._processes(), number)

    def stop(self) -> None:
        # Seen before the first one ends: afterwards nobody knows whose the others are, and some servers leave them.
        family = self._processes()
        if self.popen.poll() is None:
            _signal(family, signal.SIGCONT)
            self.popen.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.popen.wait(15)
        _signal(family, signal.SIGKILL)
        self.popen.wait(15)
        self._log.close()


def _signal(processes: list[Path], number: int) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(int(process.name), number)
