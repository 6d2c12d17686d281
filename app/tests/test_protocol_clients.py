"""The service with the usual clients of the Open Inference Protocol, by their defaults: Triton's and KServe's."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from .conftest import APP
from .process import TIMEOUT_S, Process

ENVIRONMENT_TIMEOUT_S = 600
CLIENTS_TIMEOUT_S = 120


@pytest.fixture
def python() -> Path:
    """Of the environment that has the clients: they need more than all that the service and its tests do."""
    made = subprocess.run(
        [APP.parent / "tools" / "tool_venv", "app-clients", APP / "requirements-clients.lock"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=ENVIRONMENT_TIMEOUT_S,
    )
    return Path(made.stdout.split("\n")[-2]) / "python"


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="KServe's client does not install on Python 3.14")
def test_clients_get_predictions_and_errors_as_they_expect_them(
    python: Path, model_path: Path, tmp_path: Path, golden: list[dict[str, Any]]
) -> None:
    key = hashlib.sha256(b"secret").hexdigest()
    environments = {
        "service": {},
        "guarded": {"API_KEY_SHA256": key, "MAX_BODY_BYTES": "1024"},
        "failed": {"MODEL_SHA256": "0" * 64},
    }
    with ExitStack() as stack:
        task: dict[str, Any] = {"row": golden[0]["body"]["instances"][0]}
        for name, environment in environments.items():
            process = Process(model_path, tmp_path / name, DRAIN_DELAY_S="0", **environment)
            stack.callback(process.popen.wait, TIMEOUT_S)
            stack.callback(process.popen.terminate)
            task[name] = process.port
            if name == "failed":
                process.wait_for("not ready")
            else:
                process.wait_until_ready()
            if name == "service":
                status, answer = process.request("POST", "/predict", golden[0]["body"])
                assert status == 200
                task |= answer["predictions"][0]
        run = subprocess.run(
            [python, Path(__file__).with_name("protocol_clients.py"), json.dumps(task)],
            capture_output=True,
            text=True,
            timeout=CLIENTS_TIMEOUT_S,
        )
        assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-4000:]
