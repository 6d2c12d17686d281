"""moto with the patches, as the rehearsal starts it, and its clients."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from rehearsal.settings import ACCOUNT, ROOT

REGION = "eu-central-1"
LOCK = "roles/lab_images/files/services/requirements.lock"


@pytest.fixture(scope="module")
def flags(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("flags")


@pytest.fixture(scope="module")
def address(flags: Path) -> Iterator[str]:
    """moto with the patches, from the lab's own lock."""
    made = subprocess.run([str(ROOT / "tools/tool_venv"), "aws", LOCK], cwd=ROOT, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [f"{made.stdout.strip()}/python", "-m", "rehearsal.cloud", "--port", str(port)],
        cwd=ROOT,
        env=os.environ | {"MOTO_ACCOUNT_ID": ACCOUNT, "PYTHONDONTWRITEBYTECODE": "1", "REHEARSAL_FLAGS": str(flags)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 180
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert time.monotonic() < deadline and server.poll() is None, "moto did not answer within 180 s"
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait(timeout=10)


@pytest.fixture
def client(address: str) -> Any:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return lambda service, **more: boto3.client(service, region_name=REGION, endpoint_url=address, **keys, **more)
