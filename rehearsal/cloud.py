"""The AWS API of the rehearsal: moto with the patches of rehearsal/patches.

python3 -m rehearsal.cloud [moto_server's own arguments]
"""

from __future__ import annotations

import sys


def main(arguments: list[str]) -> None:
    from moto import server

    from . import patches

    patches.apply()
    server.main(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
