"""How a controller builds for a platform: from its machine, its system and the emulators of its kernel."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleError
from ansible_collections.slipway.ops.plugins.lookup import build_platform
from ansible_collections.slipway.ops.plugins.plugin_utils import platforms
from ansible_collections.slipway.ops.plugins.plugin_utils.platforms import Builder, PlatformError, targets, this_machine

PC = Builder("x86_64", frozenset())
QEMU = """enabled
interpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P
flags: {}
offset 0
magic 7f454c460201010000000000000000000200b700
mask ffffffffffffff00fffffffffffffffffeffffff
"""
PYTHON = "enabled\ninterpreter /usr/bin/python3.11\nflags: F\noffset 0\nmagic a70d0d0a\n"


def builders(wanted: list[str], builder: Builder) -> dict[str, str]:
    return {it["platform"]: it["builder"] for it in targets(wanted, builder)}


def test_without_a_wish_a_machine_builds_for_itself() -> None:
    assert targets([], PC) == [
        {"platform": "linux/amd64", "architecture": "amd64", "machine": "x86_64", "builder": "native", "suffix": ""}
    ]


def test_another_platform_needs_an_emulator() -> None:
    assert builders(["linux/arm64"], PC) == {"linux/arm64": "none"}
    assert builders(["linux/arm64"], Builder("x86_64", frozenset({"aarch64"}))) == {"linux/arm64": "emulated"}
    assert builders(["linux/amd64"], Builder("aarch64", frozenset())) == {"linux/amd64": "none"}


def test_images_of_several_platforms_have_names_of_their_own() -> None:
    both = targets(["linux/amd64", "linux/arm64", "linux/amd64"], PC)
    assert [(it["suffix"], it["machine"]) for it in both] == [("-amd64", "x86_64"), ("-arm64", "aarch64")]


@pytest.mark.parametrize(("wanted", "builder"), [(["linux/s390x"], PC), ([], Builder("s390x", frozenset()))])
def test_what_is_never_built_is_refused_with_what_is(wanted: list[str], builder: Builder) -> None:
    with pytest.raises(
        PlatformError, match=r"build for (linux/)?s390x: .* linux/amd64 and linux/arm64.* build_platforms"
    ):
        targets(wanted, builder)


@pytest.mark.parametrize(
    ("handlers", "found"),
    [
        ({"qemu-aarch64": QEMU.format("POCF")}, {"aarch64"}),
        # Of Debian 12's qemu-user: its interpreter is a file of this machine, which a container does not have.
        ({"qemu-aarch64": QEMU.format("PC")}, set()),
        ({"qemu-aarch64": QEMU.format("F").replace("enabled", "disabled")}, set()),
        ({"python3.11": PYTHON, "status": "enabled\n", "register": ""}, set()),
        ({"whatever": QEMU.format("F").replace("b700", "3e00")}, {"x86_64"}),
        ({}, set()),
    ],
)
def test_an_emulator_counts_if_containers_can_use_it(tmp_path: Path, handlers: dict[str, str], found: set[str]) -> None:
    for name, text in handlers.items():
        (tmp_path / name).write_text(text)
    assert platforms.emulated(tmp_path) == found
    assert platforms.emulated(tmp_path / "not mounted") == frozenset()


@pytest.mark.parametrize(
    ("system", "machine", "own", "other"),
    [
        ("Linux", "x86_64", "linux/amd64", "none"),
        ("Linux", "aarch64", "linux/arm64", "none"),
        ("Darwin", "arm64", "linux/arm64", "emulated"),
        ("Darwin", "x86_64", "linux/amd64", "emulated"),
    ],
)
def test_linux_and_macos(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: str, machine: str, own: str, other: str
) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    builder = this_machine(tmp_path)
    assert [it["platform"] for it in targets([], builder)] == [own]
    assert set(builders(["linux/amd64", "linux/arm64"], builder).values()) == {"native", other}


@pytest.mark.parametrize(
    "terms", [[["linux/amd64", "linux/arm64"]], ["linux/amd64,linux/arm64"], [["linux/amd64, linux/arm64"]]]
)
def test_the_lookup_takes_a_list_or_a_word_of_the_command_line(
    monkeypatch: pytest.MonkeyPatch, terms: list[Any]
) -> None:
    monkeypatch.setattr(build_platform, "this_machine", lambda: PC)
    found = build_platform.LookupModule().run(terms)
    assert [it["platform"] for it in found] == ["linux/amd64", "linux/arm64"]
    assert [it["platform"] for it in build_platform.LookupModule().run([[]])] == ["linux/amd64"]
    with pytest.raises(AnsibleError, match="Failed to build for linux/mips"):
        build_platform.LookupModule().run(["linux/mips"])
