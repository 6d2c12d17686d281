"""
The way from a slot's port on loopback to its container: a table of our own with nat chains before Docker's (nft(8)).
Docker publishes the port too, but its rules are gone for a moment each time that dockerd starts, and for good when
somebody flushes iptables. The kernel says when rules change (nfnetlink), so a table that is removed is written again.
"""

from __future__ import annotations

import errno
import socket
import sys
import time

from ..host.command import run
from ..model.errors import Failure

TIMEOUT_S = 5.0
# linux/netlink.h, linux/nfnetlink.h
NETLINK_NETFILTER = 12
SOL_NETLINK, NETLINK_ADD_MEMBERSHIP = 270, 1
NFNLGRP_NFTABLES = 7
# Before Docker's own chains (dstnat -100, srcnat 100): the first to translate a connection wins.
OUTPUT_PRIORITY, POSTROUTING_PRIORITY = -110, 90
# At least so long from one check to the next.
SETTLE_S = 0.05


def table(service: str, slot: str) -> str:
    return f"slipway-{service}-{slot}"


def removal(name: str) -> str:
    """Whether it is there or not (`destroy` needs nftables 1.0.8)."""
    return f"table ip {name}\ndelete table ip {name}\n"


def rules(name: str, port: int, address: str, container_port: int) -> str:
    """In one transaction, whatever there was."""
    to = f"{address}:{container_port}"
    return removal(name) + (
        f"table ip {name} {{\n"
        f"  chain output {{\n"
        f"    type nat hook output priority {OUTPUT_PRIORITY};\n"
        f"    ip daddr 127.0.0.1 tcp dport {port} dnat to {to};\n"
        f"  }}\n"
        f"  chain postrouting {{\n"
        f"    type nat hook postrouting priority {POSTROUTING_PRIORITY};\n"
        f"    ip saddr 127.0.0.0/8 ip daddr {address} tcp dport {container_port} masquerade;\n"
        f"  }}\n"
        f"}}\n"
    )


class Published:
    """Nothing here fails: without this table, Docker's own rules lead to the container."""

    def __init__(self, name: str, port: int, address: str, container_port: int) -> None:
        self.name = name
        self._rules = rules(name, port, address, container_port)
        self._events = _subscribe()
        self.write()

    def fileno(self) -> int:
        """Readable when rules of this host have changed; -1: this kernel does not say."""
        return self._events.fileno() if self._events else -1

    def write(self) -> None:
        _nft(self._rules)

    def check(self) -> bool:
        """After a change: write the table again if it is no longer whole. Returns whether it was not."""
        self._drain()
        try:
            done = run(("nft", "list", "table", "ip", self.name), TIMEOUT_S)
        except Failure:
            return False
        whole = done.code == 0 and "dnat to" in done.out and "masquerade" in done.out
        if not whole:
            self.write()
        # Whoever changes rules without end does not keep us from everything else.
        time.sleep(SETTLE_S)
        return not whole

    def withdraw(self) -> None:
        if self._events:
            self._events.close()
            self._events = None
        _nft(removal(self.name))

    def _drain(self) -> None:
        while self._events:
            try:
                self._events.recv(65536)
            except BlockingIOError:
                return
            except OSError as error:
                # More than fits: that there were some is all that counts.
                if error.errno != errno.ENOBUFS:
                    return


def _subscribe() -> socket.socket | None:
    try:
        events = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, NETLINK_NETFILTER)
        events.bind((0, 0))
        events.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, NFNLGRP_NFTABLES)
    except OSError as error:
        cause = f"cannot watch nftables ({error.strerror})"
        print(f"{cause}: only recovery will detect flushed port rules", file=sys.stderr)
        return None
    return events


def _nft(script: str) -> None:
    try:
        done = run(("nft", script), TIMEOUT_S)
    except Failure as failure:
        print(failure.cause, file=sys.stderr)
        return
    if done.code:
        print(f"nft: {done.message}", file=sys.stderr)
