"""The AWS API of a rehearsal, moto with the patches, as a process of its own."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any

from rehearsal.settings import ROOT
from tests.harness.ports import free_port

LOCK = "roles/lab_images/files/services/requirements.lock"
MAKING = threading.Lock()


def python() -> str:
    """The interpreter of the lab's own lock, whose environment is made when need be."""
    with MAKING:
        made = subprocess.run([str(ROOT / "tools/tool_venv"), "aws", LOCK], cwd=ROOT, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    return f"{made.stdout.strip()}/python"


@contextlib.contextmanager
def running(**environ: str) -> Iterator[str]:
    """Its address. `environ`: further environment variables, those of moto and of the patches."""
    port = free_port()
    server = subprocess.Popen(
        [python(), "-m", "rehearsal.cloud", "--port", str(port)],
        cwd=ROOT,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"} | environ,
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
        server.kill()  # it keeps nothing, and answers a polite signal late on a busy machine
        server.wait(timeout=10)


def start_instance(ec2: Any, more: dict[str, Any] | None = None, **tags: str) -> str:
    """Its id. `more`: further parameters of RunInstances."""
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    wanted = [{"ResourceType": "instance", "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]}] if tags else []
    made = ec2.run_instances(
        ImageId=image, MinCount=1, MaxCount=1, InstanceType="t3.micro", TagSpecifications=wanted, **(more or {})
    )
    return str(made["Instances"][0]["InstanceId"])
