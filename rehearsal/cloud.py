"""The AWS API of the rehearsal: moto with the patches of rehearsal/patches.

python3 -m rehearsal.cloud [moto_server's own arguments]
"""

from __future__ import annotations

import sys
from typing import Any


def answer_in_one_piece() -> None:
    """Headers and body together.

    Terraform's client gives up some answers whose headers arrive alone, and asks again: then the first request has been
    carried out, and the second one is refused as a duplicate.
    """
    from werkzeug.serving import WSGIRequestHandler

    def handle_expect_100(self: Any) -> Any:
        """The client waits for this one before it sends the body."""
        allowed = handle(self)
        self.wfile.flush()
        return allowed

    handle = WSGIRequestHandler.handle_expect_100
    WSGIRequestHandler.handle_expect_100 = handle_expect_100
    WSGIRequestHandler.wbufsize = 1 << 20


def main(arguments: list[str]) -> None:
    from moto import server

    from . import patches

    patches.apply()
    answer_in_one_piece()
    server.main(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
