"""Public addresses that are not this machine's own.

moto takes them from 127.0.0.0/8, where a connection ends at whoever makes it. These are from 198.18.0.0/15, which
RFC 2544 keeps for tests and nobody routes.
"""

from __future__ import annotations

import ipaddress
import secrets
import sys

NETWORK = ipaddress.IPv4Network("198.18.0.0/15")


def random_ip() -> str:
    return str(NETWORK[secrets.randbelow(NETWORK.num_addresses - 2) + 1])


def apply() -> None:
    from moto.ec2 import utils

    known = utils.random_ip
    # Modules have imported it by name.
    for name, module in list(sys.modules.items()):
        if name.startswith("moto.ec2") and getattr(module, "random_ip", None) is known:
            module.random_ip = random_ip  # type: ignore[attr-defined]
