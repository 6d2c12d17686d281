"""Hooks on disk: run one with a document on its standard input and a deadline."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import stat
import subprocess
from collections.abc import Mapping
from typing import Any

from ..model.errors import Code, Failure

NAMES = ("pre-deploy", "post-switch", "post-rollback", "on-failure", "post-recovery")


class HookDirectory:
    def __init__(self, directory: str, timeout_s: float) -> None:
        self.directory = directory
        self.timeout_s = timeout_s

    def present(self) -> frozenset[str]:
        return frozenset(name for name in NAMES if os.path.exists(os.path.join(self.directory, name)))

    def run(self, name: str, document: Mapping[str, Any]) -> None:
        """Raises Failure (code 8)."""
        run_hook(os.path.join(self.directory, name), document, self.timeout_s)


def run_hook(path: str, document: Mapping[str, Any], timeout_s: float) -> None:
    """Raises Failure (code 8): not to be trusted, not started, ended with a code, or not in time."""
    _trust(path)
    try:
        # A session of its own: what it starts ends with it when the deadline passes.
        process = subprocess.Popen(
            [path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
            text=True, errors="replace", cwd="/",
        )  # fmt: skip
    except OSError as error:
        raise Failure(Code.PREFLIGHT, f"{path} cannot be run: {error.strerror}") from error
    try:
        out, _ = process.communicate(json.dumps(document, ensure_ascii=False) + "\n", timeout=timeout_s)
    except subprocess.TimeoutExpired:
        raise Failure(Code.PREFLIGHT, f"{path} did not end within {timeout_s:g} s and was killed") from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=5)
    if process.returncode:
        last = " ".join(out.split())[-300:]
        raise Failure(Code.PREFLIGHT, f"{path} exited with code {process.returncode}{': ' + last if last else ''}")


def _trust(path: str) -> None:
    """It runs as root, so nobody else may write it."""
    try:
        found = os.stat(path)
    except OSError as error:
        raise Failure(Code.PREFLIGHT, f"{path}: {error.strerror}") from error
    if not stat.S_ISREG(found.st_mode) or not found.st_mode & 0o100:
        raise Failure(Code.PREFLIGHT, f"{path} is no executable file", f"chmod 0755 {path}")
    if found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise Failure(
            Code.PREFLIGHT, f"{path} can be written by others than root", f"chown root {path}; chmod 0755 {path}"
        )
