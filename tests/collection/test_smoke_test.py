"""playbooks/smoke_test.yml: where it sends its requests, and which secrets they may need."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
SECRETS = {"KEY": "hidden", "MODEL_KEY": "hidden, too"}


@pytest.mark.parametrize(
    ("front_door", "url"),
    [({}, "https://a.test"), ({"name": "front.test"}, "https://front.test"), (None, "https://a.test")],
    ids=["the first domain", "another name", "none that the host checks"],
)
def test_it_asks_the_public_name_and_has_the_service_s_secrets(
    tmp_path: Path, front_door: dict[str, Any] | None, url: str
) -> None:
    (book,) = yaml.safe_load((ROOT / "playbooks/smoke_test.yml").read_text())
    arguments = book["tasks"][-1]["slipway.ops.service_check"]
    service = {"domains": ["a.test", "b.test"], "slots": {"blue": 1, "green": 2}, "secrets": {"KEY": "hidden"}}
    out = tmp_path / "out"
    content = json.dumps({name: arguments[name] for name in ("url", "secrets")})
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {
            **book["vars"],
            "services": {"inference": {**service, "front_door": front_door}},
            "release_services": "{{ services | slipway.ops.services('inference') }}",
            "release_model_secrets": {"MODEL_KEY": "hidden, too"},
            "default_service": "inference",
            "smoke_test_inputs": {"inputs": {}},
        },
        "tasks": [
            {
                "ansible.builtin.copy": {"content": "{{ found | to_json }}", "dest": str(out), "mode": "0600"},
                "vars": {"found": json.loads(content)},
            }
        ],
    }
    (tmp_path / "play.yml").write_text(json.dumps([play]))
    program = str(Path(sys.executable).parent / "ansible-playbook")
    done = subprocess.run(
        [program, "-i", "localhost,", str(tmp_path / "play.yml")], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(out.read_text()) == {"url": url, "secrets": SECRETS}
