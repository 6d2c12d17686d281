"""`status --watch`: one status after the other, until Ctrl-C or until the reader has gone."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from releasectl.arguments import parser

from releasectl import cli

TROUBLED = {"serving": True, "troubles": ["it"], "text": "inference  serving\n"}
DOWN = {"serving": False, "troubles": ["it"], "text": "inference  NOT SERVING\n"}


def watch(monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, list[float]]:
    """Two looks, then Ctrl-C. Returns the exit code, and for how long it paused."""
    found, pauses = [TROUBLED, DOWN], list[float]()

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if not found:
            raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_status", lambda *given: found.pop(0))
    devices: Any = SimpleNamespace(process=SimpleNamespace(pause=pause))
    paths: Any = None
    return cli._show_status(parser().parse_args(["status", *words]), devices, paths), pauses


def test_each_status_replaces_the_one_before(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert watch(monkeypatch, "--watch") == (2, [2.0, 2.0])
    assert capsys.readouterr().out == "\x1b[H\x1b[2Jinference  serving\n\x1b[H\x1b[2Jinference  NOT SERVING\n"


def test_for_programs_it_is_a_document_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert watch(monkeypatch, "--watch", "--json") == (2, [2.0, 2.0])
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [TROUBLED, DOWN]


def test_without_the_option_it_is_one(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert watch(monkeypatch) == (1, [])
    assert capsys.readouterr().out == "inference  serving\n"


def test_it_ends_when_the_reader_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "_say", lambda *given: False)
    assert watch(monkeypatch, "--watch") == (1, [])
