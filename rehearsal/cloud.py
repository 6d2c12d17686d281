"""The AWS API of the rehearsal: moto with the patches of rehearsal/patches.

python3 -m rehearsal.cloud [moto_server's own arguments]
"""

from __future__ import annotations

import sys


def main(arguments: list[str]) -> None:
    from moto import server
    from werkzeug.serving import WSGIRequestHandler

    from . import patches

    patches.apply()
    # Answers in one piece. Terraform's client gives up some whose headers arrive alone, and asks again: then the first
    # request has been carried out, and the second one is refused as a duplicate.
    WSGIRequestHandler.wbufsize = 1 << 20
    server.main(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
