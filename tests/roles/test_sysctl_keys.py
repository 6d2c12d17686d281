"""A kernel setting that the kernel lacks is skipped when its feature is missing, and refused when it is misspelt."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent.parent


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sysctl_keys", ROOT / "roles/baseline/files/sysctl_keys.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


sysctl = load()
V6 = "net.ipv6.conf.all.accept_redirects"


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A kernel without IPv6."""
    for name in ("net/core/somaxconn", "net/ipv4/conf/eth0.100/rp_filter", "net/ipv4/tcp_fin_timeout"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def judged(proc: Path, *keys: str, known: tuple[str, ...] = ()) -> tuple[list[str], list[str]]:
    found = sysctl.judge(list(keys), list(known), proc)
    return found["absent"], found["unknown"]


def test_keys_of_a_missing_feature_are_skipped(proc: Path) -> None:
    keys = (V6, "net/ipv6/conf/all/forwarding", "net.bridge.bridge-nf-call-iptables", "net.netfilter.nf_conntrack_max")
    assert judged(proc, "net.core.somaxconn", *keys) == ([*keys], [])
    (proc / "net/ipv6").mkdir()
    assert judged(proc, V6) == ([V6], []), "an empty folder is no feature either"


def test_a_misspelt_key_is_refused(proc: Path) -> None:
    (proc / "net/ipv6/conf/all").mkdir(parents=True)
    (proc / "net/ipv6/conf/all/accept_redirects").touch()
    keys = (
        "net.ipv6.conf.all.accept_redirect",
        "net.ipv4.tcp_fin_timeouts",
        "net.ipv5.conf.all.forwarding",
        "somaxconn",
    )
    assert judged(proc, V6, *keys) == ([], [*keys])


def test_what_may_be_missing_is_skipped(proc: Path) -> None:
    key = "net.ipv4.tcp_syncookies"
    assert judged(proc, key) == ([], [key])
    assert judged(proc, key, known=(key,)) == ([key], []), "the role's own keys are spelt right"
    assert judged(proc, f"-{key}") == ([f"-{key}"], []), "as sysctl.d(5) marks it"


def test_keys_are_read_as_sysctl_d_has_them(proc: Path) -> None:
    keys = ("net/ipv4/conf/eth0.100/rp_filter", "net.ipv4.conf.eth0/100.rp_filter", "net.ipv4.conf.*.rp_filter")
    assert judged(proc, *keys) == ([], [])
    assert judged(proc, "net.ipv4.conf.wg*.rp_filter")[1]


def test_a_read_only_proc_is_seen(proc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not sysctl.judge(["net.core.somaxconn"], [], proc)["read_only"]
    monkeypatch.setattr(sysctl.os, "access", lambda path, how: False)
    assert sysctl.judge(["net.core.somaxconn"], [], proc)["read_only"]
    assert not sysctl.judge([V6], [], proc)["read_only"], "nothing is to be written"
