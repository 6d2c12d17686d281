"""Without a challenge a host keeps its self-signed certificate: nothing is installed for ACME, nothing is asked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
TLS = ROOT / "roles/tls"


def desired_state(folder: Path, challenge: str) -> dict[str, Any]:
    """The role's desired state of a host, as Ansible evaluates it."""
    wanted = folder / "state.json"
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars_files": [str(TLS / part / "main.yml") for part in ("defaults", "vars")],
        "tasks": [
            {
                "ansible.builtin.copy": {"content": "{{ tls_state | to_json }}", "dest": str(wanted), "mode": "0600"},
                # What a play's vars say, its vars_files would overrule.
                "vars": {"tls_challenge": challenge, "tls_domains": ["inference.example.com"], "role_path": str(TLS)},
            }
        ],
    }
    book = folder / "play.yml"
    book.write_text(json.dumps([play]))
    ansible = str(Path(sys.executable).parent / "ansible-playbook")
    done = subprocess.run(
        [ansible, "-i", "localhost,", str(book)], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    state: dict[str, Any] = json.loads(wanted.read_text())
    return state


@pytest.mark.parametrize(("challenge", "acme"), [("none", False), ("http-01", True)])
def test_only_a_challenge_brings_certbot(tmp_path: Path, challenge: str, acme: bool) -> None:
    state = desired_state(tmp_path, challenge)
    assert [bool(state[part]) for part in ("files", "units", "commands")] == [acme] * 3
    assert state["packages"] == ["openssl", *["certbot"] * acme]


@pytest.mark.parametrize("challenge", ["none", "http-01"])
def test_a_host_without_a_certificate_has_drifted(tmp_path: Path, challenge: str) -> None:
    """HAProxy does not start without one, so the placeholder has to be made whatever the challenge."""
    assert desired_state(tmp_path, challenge)["present"] == ["/etc/haproxy/certs/inference.example.com.pem"]
