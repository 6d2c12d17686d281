"""A server that answers one request with given bytes."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def server(*pieces: bytes, pause_s: float = 0.0, stay_s: float = 0.0) -> Iterator[tuple[int, list[bytes]]]:
    """Port of a server that answers one request with these bytes, and what it was asked."""
    asked: list[bytes] = []
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                asked.append(connection.recv(65536))
                try:
                    for piece in pieces:
                        connection.sendall(piece)
                        time.sleep(pause_s)
                    done.wait(stay_s)
                except OSError:
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1], asked
        done.set()
        thread.join(5)
