"""The service keeps to its OpenAPI document whatever it is sent (schemathesis), and no body makes it fail (hypothesis).

FUZZ_EXAMPLES sets how many cases each operation with a body gets: `FUZZ_EXAMPLES=4000` made 39,952 in all.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st

from .conftest import Running, problem
from .process import Process

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "25"))
TIMEOUT_S = 60 + EXAMPLES * 3

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
)
rows = st.lists(st.lists(st.floats(width=32) | st.integers(), min_size=29, max_size=31), min_size=0, max_size=3)
bodies = (
    st.binary()
    | json_values.map(lambda value: json.dumps(value).encode())
    | rows.map(lambda value: json.dumps({"instances": value}).encode())
    | rows.map(lambda value: json.dumps({"inputs": [{"name": "features", "data": value}]}).encode())
)


@pytest.fixture
def fuzzed(model_path: Path, tmp_path: Path) -> Any:
    process = Process(model_path, tmp_path / "log", DRAIN_DELAY_S="0")
    process.wait_until_ready()
    yield process
    process.popen.terminate()
    process.popen.wait(20)


# That a tensor has as many numbers as its shape says cannot be written in a JSON schema: there, what the schema lets
# through may still be refused.
@pytest.mark.parametrize(
    "options",
    [
        ["--exclude-path-regex", "infer$"],
        ["--include-path-regex", "infer$", "--exclude-checks", "positive_data_acceptance"],
    ],
)
def test_document_is_kept_to(fuzzed: Process, tmp_path: Path, options: list[str]) -> None:
    command: list[str | Path] = [
        Path(sys.executable).with_name("st"),
        "run",
        f"http://127.0.0.1:{fuzzed.port}/openapi.json",
    ]
    run = subprocess.run(
        [*command, "--max-examples", str(EXAMPLES), "--no-color", *options],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        cwd=tmp_path,
    )
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr
    assert "request failed" not in fuzzed.messages()
    print(next(line for line in run.stdout.splitlines() if "generated," in line))


async def test_no_body_makes_it_fail(running: Running) -> None:
    paths = ("/predict", "/v2/models/breast-cancer/infer")
    async with running() as client:
        loop = asyncio.get_running_loop()

        @limits(max_examples=EXAMPLES * 10, deadline=None, suppress_health_check=list(HealthCheck))
        @given(body=bodies, path=st.sampled_from(paths))
        def check(body: bytes, path: str) -> None:
            answer = asyncio.run_coroutine_threadsafe(client.post(path, content=body), loop).result(10)
            assert answer.status_code in (200, 400, 422), (body, answer.text)
            if answer.status_code != 200:
                assert {"code", "message", "request_id"} <= problem(answer).keys()

        await asyncio.to_thread(check)
