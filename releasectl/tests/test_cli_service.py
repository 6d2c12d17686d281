"""Which service a command is about, and what a person reads who named none, or a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest
from releasectl.host.paths import Paths
from releasectl.host.service_config import load_config
from releasectl.model.errors import Code, Failure


@pytest.mark.parametrize(
    ("there", "asked", "cause"),
    [
        ([], None, "--service is needed: this host has none yet (converge it: ansible-playbook site.yml --limit HOST)"),
        (["inference", "scoring"], None, "--service is needed: this host has inference, scoring"),
        (["inference", "scoring"], "scorign", "there is no service 'scorign': this host has inference, scoring"),
        (["inference"], "../inference", "there is no service '../inference': this host has inference"),
        (["inference"], None, "inference/service.json: not JSON"),
        (["inference"], "inference", "inference/service.json: not JSON"),
    ],
)
def test_what_is_said(tmp_path: Path, there: list[str], asked: str | None, cause: str) -> None:
    paths = Paths(root=str(tmp_path))
    for name in there:
        path = Path(paths.service_json(name))
        path.parent.mkdir(parents=True)
        path.write_text("no settings")
    with pytest.raises(Failure) as raised:
        load_config(paths, asked)
    assert raised.value.code == Code.USAGE
    assert cause in raised.value.cause
