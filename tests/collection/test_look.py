"""slipway.ops.look: what is as wanted costs nothing; what may not be is left to the module that mends it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.slipway.ops.plugins.plugin_utils import look_on_host
from ansible_collections.slipway.ops.plugins.plugin_utils.looking import ABSENT, compared

UNIT = {"name": "haproxy.service", "state": "started"}
FILE, FOLDER, UNWANTED = "/etc/haproxy/haproxy.cfg", "/etc/slipway", "/etc/slipway/notify.json"
GOOD = f"{'0' * 64} 0644 root root"


def there(**changes: Any) -> dict[str, Any]:
    whole = {
        "packages": ["haproxy"],
        "units": {"haproxy.service": {"started": True, "enabled": True}},
        "files": {FILE: GOOD, FOLDER: "folder 0755 root root"},
    }
    return {**whole, **changes}


def differing(seen: dict[str, Any]) -> list[str]:
    files = {FILE: GOOD, FOLDER: None, UNWANTED: ABSENT}
    found = compared({"packages": ["haproxy"], "units": [UNIT], "files": files}, seen)
    names = [*found["packages"], *found["units"], *found["files"]]
    assert found["differs"] == bool(names)
    return names


def test_nothing_differs_on_a_host_that_is_as_wanted() -> None:
    assert differing(there()) == []


@pytest.mark.parametrize(
    ("seen", "what"),
    [
        (there(packages=[]), "haproxy"),
        (there(units={}), "haproxy.service"),
        (there(units={"haproxy.service": {"started": False, "enabled": True}}), "haproxy.service"),
        (there(units={"haproxy.service": {"started": True, "enabled": False}}), "haproxy.service"),
        (there(files={FILE: GOOD.replace("0644", "0666"), FOLDER: "x"}), FILE),
        (there(files={FILE: GOOD.replace("root", "nobody", 1), FOLDER: "x"}), FILE),
        (there(files={FOLDER: "x"}), FILE),
        (there(files={FILE: GOOD}), FOLDER),
        (there(files={FILE: GOOD, FOLDER: "x", UNWANTED: GOOD}), UNWANTED),
    ],
    ids=["package", "no unit", "stopped", "not enabled", "mode", "owner", "no file", "nothing there", "unwanted"],
)
def test_each_difference_is_named(seen: dict[str, Any], what: str) -> None:
    assert differing(seen) == [what]


def test_a_unit_that_only_has_to_be_enabled_may_be_down() -> None:
    units = {"haproxy.service": {"started": False, "enabled": True}}
    question = {"packages": [], "units": [{"name": "haproxy.service"}], "files": {}}
    assert not compared(question, there(units=units))["differs"]


def test_a_file_is_its_content_mode_and_owner(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("text")
    path.chmod(0o640)
    assert look_on_host.file(str(path)).startswith(f"{hashlib.sha256(b'text').hexdigest()} 0640 ")
    assert look_on_host.file(str(tmp_path)).startswith("folder ")
    assert look_on_host.file(str(tmp_path / "none")) == look_on_host.file(f"{path}/below") == ""
    (tmp_path / "link").symlink_to(path)
    assert look_on_host.file(str(tmp_path / "link")).startswith("other "), (
        "whether it may be a link is not for us to say"
    )


def answers(monkeypatch: pytest.MonkeyPatch, stdout: str) -> None:
    monkeypatch.setattr(look_on_host, "run", lambda *argv: {"rc": 0, "stdout": stdout})


def test_packages_that_are_half_there_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, "haproxy installed\ncertbot config-files\nnftables unpacked\n")
    assert look_on_host.packages(["haproxy", "certbot", "nftables", "sudo"]) == ["haproxy"]


def test_units_answer_in_the_order_they_were_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = ["ActiveState=active\nUnitFileState=enabled", "ActiveState=inactive\nUnitFileState="]
    answers(monkeypatch, "\n\n".join(blocks) + "\n")
    assert look_on_host.units(["a", "b"]) == {
        "a": {"started": True, "enabled": True},
        "b": {"started": False, "enabled": False},
    }
    answers(monkeypatch, "")
    assert look_on_host.units(["a"]) == {"a": {"started": False, "enabled": False}}


def test_the_distribution_is_read_as_a_shell_would() -> None:
    text = '# a comment\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_CODENAME=bookworm\n'
    assert look_on_host.distribution(text) == {"name": "Debian GNU/Linux 12 (bookworm)", "codename": "bookworm"}


def test_the_port_is_that_of_whoever_started_us(tmp_path: Path) -> None:
    """sudo's environment has none; the shell above it has."""
    for pid, parent, environment in (
        ("self", "7", b"SUDO_USER=admin\0"),
        ("7", "1", b"A=b\0SSH_CONNECTION=192.0.2.1 50000 192.0.2.2 2222\0"),
        ("1", "0", b""),
    ):
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "environ").write_bytes(environment)
        (tmp_path / pid / "stat").write_text(f"{pid} (a) b) S {parent} 1 1")
    assert look_on_host.ssh_port(tmp_path) == 2222
    assert look_on_host.ssh_port(tmp_path, "1") is None
    assert look_on_host.ssh_port(tmp_path, "9") is None


def test_the_text_alone_is_a_whole_program() -> None:
    """As the action plugin sends it: on standard input, isolated, with nothing of ours to import."""
    request = {"packages": [], "units": [], "files": ["/etc"], "commands": {"none": ["no-such-command"]}}
    text = Path(look_on_host.__file__).read_text() + f"\nimport json\nprint(json.dumps(look({request!r})))\n"
    done = subprocess.run([sys.executable, "-I", "-"], input=text, capture_output=True, text=True, timeout=60)
    answer = json.loads(done.stdout)
    assert answer["files"]["/etc"].startswith("folder ")
    assert answer["commands"]["none"] == {"rc": 127, "stdout": ""}
