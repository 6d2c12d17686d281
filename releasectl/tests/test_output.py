"""A container's output that nobody reads: it is dropped in time, and only then."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from releasectl.slot.output import F_GETPIPE_SZ, FIFO_BYTES, Output, fifos

LINE = b"x" * 199 + b"\n"


@pytest.fixture
def fifo(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "init-stdout"
    os.mkfifo(path)
    # As the shim has it: open for both, so that neither side ever sees an end.
    both = os.open(path, os.O_RDWR)
    yield path
    os.close(both)


def looked_after(output: Output, until: Callable[[], bool], limit_s: float = 20) -> None:
    end = time.monotonic() + limit_s
    while not until() and time.monotonic() < end:
        time.sleep(output.check())


def printing(fifo: Path, lines: int) -> threading.Thread:
    def write() -> None:
        with open(fifo, "wb", buffering=0) as file:
            for _ in range(lines):
                file.write(LINE)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    return thread


def test_nobody_reads_and_the_container_prints_on(fifo: Path, capfd: pytest.CaptureFixture[str]) -> None:
    output = Output([str(fifo)])
    lines = 5 * FIFO_BYTES // len(LINE)
    thread = printing(fifo, lines)
    looked_after(output, lambda: not thread.is_alive())
    assert not thread.is_alive(), "the container is blocked"
    output.close()
    assert "dropping it, so that the service does not block" in capfd.readouterr().err


def test_what_dockerd_reads_a_moment_late_is_left_to_it(fifo: Path, capfd: pytest.CaptureFixture[str]) -> None:
    output = Output([str(fifo)])
    dockerd, container = (os.open(fifo, flags | os.O_NONBLOCK) for flags in (os.O_RDONLY, os.O_WRONLY))
    more_than_half = fcntl.fcntl(dockerd, F_GETPIPE_SZ) // 4 * 3
    for _ in range(10):
        assert os.write(container, bytes(more_than_half)) == more_than_half
        output.check()
        assert len(os.read(dockerd, FIFO_BYTES)) == more_than_half
        output.check()
    os.close(dockerd)
    os.close(container)
    output.close()
    assert capfd.readouterr().err == ""


def test_what_was_printed_in_a_short_absence_is_kept(fifo: Path) -> None:
    output = Output([str(fifo)])
    printing(fifo, 1000).join(5)
    for _ in range(5):
        output.check()
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    assert len(os.read(reader, FIFO_BYTES)) == 1000 * len(LINE)
    os.close(reader)
    output.close()


def test_a_container_without_pipes_of_docker_is_left_alone(tmp_path: Path) -> None:
    output = Output([str(tmp_path / "init-stdout")])
    assert output.check() > 0
    output.close()


@pytest.mark.parametrize("name", ["init", "0123abcd"])
def test_the_fifos_are_found_by_each_name_that_docker_has_had_for_them(tmp_path: Path, name: str) -> None:
    """Docker 20.10 and 26. Those of `docker exec` are left alone."""
    for who in (name, "an-exec"):
        for stream in ("stdout", "stderr"):
            os.mkfifo(tmp_path / f"{who}-{stream}")
    assert fifos(str(tmp_path), "0123abcd") == [str(tmp_path / f"{name}-stdout"), str(tmp_path / f"{name}-stderr")]
