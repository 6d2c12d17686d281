"""What HAProxy could not listen on is found before HAProxy is touched."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """On a host without IPv6."""
    spec = importlib.util.spec_from_file_location("edge_reload", ROOT / "roles/edge/files/reload.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    real = module.socket.socket

    def without_ipv6(family: int, *more: int) -> object:
        if family == module.socket.AF_INET6:
            raise OSError(97, "Address family not supported by protocol")
        return real(family, *more)

    monkeypatch.setattr(module.socket, "socket", without_ipv6)
    return module


def test_an_ipv6_address_on_a_host_without_ipv6_is_named(edge: ModuleType) -> None:
    with pytest.raises(edge.Problem, match=r"no IPv6\. Set edge_addresses without it"):
        edge.check_ports("    bind :::443 ssl\n", "    bind *:443 ssl\n")
    edge.check_ports("    bind *:443 ssl\n", "    bind *:443 ssl\n")
