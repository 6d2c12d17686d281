"""Structured logs: one JSON object a line on standard output."""

import logging
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec


class Log:
    def __init__(self, fd: int = 1) -> None:
        self._fd = fd
        self._encode = msgspec.json.Encoder().encode_lines

    def event(self, level: str, message: str, **fields: Any) -> None:
        """A line about the service itself."""
        self.write([{"time": datetime.now(UTC), "level": level, "message": message, **fields}])

    def write(self, lines: Sequence[Any]) -> None:
        data = self._encode(lines)
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError:
            # Nobody reads the log any more: no reason to stop serving.
            pass


class Forward(logging.Handler):
    """What uvicorn has to say, in the form of all other lines."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        trace = {"trace": logging.Formatter().formatException(record.exc_info)} if record.exc_info else {}
        self._log.event(record.levelname.lower(), record.getMessage().strip(), **trace)
