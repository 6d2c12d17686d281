"""The package of the SSM agent, which is in no Debian repository: same name, same unit, and it does nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from . import shell

CONTROL = """Package: amazon-ssm-agent
Version: 3.3.0.0-1
Architecture: amd64
Maintainer: Slipway <nobody@example.com>
Description: Plays the SSM agent in a rehearsal: a unit that is up
"""
UNIT = """[Unit]
Description=Plays the SSM agent in a rehearsal

[Service]
ExecStart=/bin/sleep infinity

[Install]
WantedBy=multi-user.target
"""
KEY = "latest/debian_amd64/amazon-ssm-agent.deb"


def publish(s3: Any, region: str, body: bytes) -> None:
    """Where user data fetches the package from."""
    s3.put_object(Bucket=f"amazon-ssm-{region}", Key=KEY, Body=body, ACL="public-read")


def package() -> bytes:
    """The .deb file."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "root"
        for path, text in {"DEBIAN/control": CONTROL, "lib/systemd/system/amazon-ssm-agent.service": UNIT}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        root.chmod(0o755)
        made = Path(scratch) / "agent.deb"
        shell.run(["dpkg-deb", "--root-owner-group", "--build", str(root), str(made)])
        return made.read_bytes()
