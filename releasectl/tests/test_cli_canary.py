"""What a person types about canaries, as the request that it means."""

from __future__ import annotations

from pathlib import Path

import pytest
from releasectl.arguments import parser, request_of
from releasectl.cli import _print
from releasectl.commands.result import Result
from releasectl.documents.request import read_request
from releasectl.model.errors import Failure
from releasectl.model.model import Canary
from releasectl.model.rollout_options import Rollout


def asked(*words: str) -> Rollout | None:
    arguments = parser().parse_args(["deploy", "--version", "v1.0.0", *words])
    return read_request(request_of(arguments), None).rollout


def test_the_host_decides_where_nothing_is_said() -> None:
    assert asked() is None


def test_a_canary() -> None:
    assert asked("--canary", "5,25,50", "--step", "30s") == Rollout("blue_green", Canary((5, 25, 50), step_s=30))
    assert asked("--canary", "20%", "--hold") == Rollout("blue_green", Canary((20,), hold=True))


def test_stop_first() -> None:
    assert asked("--strategy", "stop_first") == Rollout("stop_first")


@pytest.mark.parametrize("words", [("--canary", "a few"), ("--canary", "5", "--step", "soon"), ("--canary", "50,5")])
def test_nonsense_is_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(Failure):
        asked(*words)


def test_a_request_file(tmp_path: Path) -> None:
    path = tmp_path / "request.json"
    path.write_text('{"version": "v1.0.0", "strategy": "canary", "canary": {"steps": [1]}}')
    arguments = parser().parse_args(["deploy", "--request", str(path)])
    assert read_request(request_of(arguments), None).rollout == Rollout("blue_green", Canary((1,)))


def test_the_status_of_a_canary_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = parser().parse_args(["canary", "status"])
    status = {"version": "v1.0.0", "percent": 5}
    _print(Result("inference", message="v1.0.0 gets 5 %", extra={"canary": status}).document(), arguments)
    _print(Result("inference", message="v1.0.0 is live", extra={"canary": ["5 %: fine"]}).document(), arguments)
    assert capsys.readouterr().out.splitlines() == ["v1.0.0 gets 5 %", "v1.0.0 is live", "canary at 5 %: fine"]
