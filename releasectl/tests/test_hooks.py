"""Hooks: only pre-deploy has a say, each has its deadline, and none is run that others than root may write."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from releasectl.host.hooks import HookDirectory, run_hook
from releasectl.model.errors import Code, Failure

from .faults import CrashAt
from .scenarios import check_consistent, check_idle, publish, request, run_until, with_live
from .simulated_host import SimulatedHost
from .simulation import Simulation, engine_of

ALL = frozenset({"pre-deploy", "post-switch", "post-rollback", "on-failure"})


def hooked(*bad: str, **behaviour: object) -> SimulatedHost:
    host = publish(with_live("v1.0.0"), "v2.0.0", **behaviour)
    host.hooks, host.bad_hooks = ALL, frozenset(bad)
    return host


class TestEngine:
    def test_a_deploy_calls_two_of_them(self) -> None:
        simulation = Simulation(hooked())
        assert engine_of(simulation).deploy(request("v2.0.0")).outcome == "live"
        assert [doc["hook"] for doc in simulation.hooked] == ["pre-deploy", "post-switch"]
        doc = simulation.hooked[-1]
        assert (doc["release"]["version"], doc["previous"]["version"]) == ("v2.0.0", "v1.0.0")
        assert (doc["service"], doc["kind"], doc["by"], doc["code"]) == ("inference", "deploy", "alice", 0)
        assert "hunter2" not in json.dumps(simulation.hooked)

    def test_a_failing_pre_deploy_stops_before_anything_begins(self) -> None:
        host = hooked("pre-deploy")
        simulation = Simulation(host)
        result = engine_of(simulation).deploy(request("v2.0.0"))
        assert (result.code, result.outcome) == (Code.PREFLIGHT, "refused")
        assert result.cause == "hook pre-deploy: pre-deploy exited with code 1: no"
        assert "begin_journal" not in simulation.calls
        assert check_consistent(host).live
        check_idle(host)

    @pytest.mark.parametrize("name", ["post-switch", "on-failure"])
    def test_the_others_only_warn(self, name: str) -> None:
        good = name == "post-switch"
        host = hooked(name, **({} if good else {"ready": False}))
        result = engine_of(Simulation(host)).deploy(request("v2.0.0"))
        assert result.outcome == ("live" if good else "failed")
        assert any(warning.startswith(f"hook {name}:") for warning in result.warnings)
        check_consistent(host)

    def test_a_failure_is_told_with_its_cause(self) -> None:
        simulation = Simulation(hooked(ready=False))
        result = engine_of(simulation).deploy(request("v2.0.0"))
        assert simulation.hooked[-1]["hook"] == "on-failure"
        assert (simulation.hooked[-1]["code"], simulation.hooked[-1]["cause"]) == (Code.GATE, result.cause)

    def test_a_rollback_has_its_own(self) -> None:
        host = with_live("v1.0.0", "v2.0.0")
        host.hooks = ALL
        simulation = Simulation(host)
        assert engine_of(simulation).rollback(None, "bob", "").outcome == "live"
        assert [doc["hook"] for doc in simulation.hooked] == ["post-rollback"]

    @pytest.mark.parametrize(
        ("call", "hook"),
        [("start_unit", "on-failure"), ("set_map", "post-switch"), ("append_history", "post-switch")],
    )
    def test_recovery_tells_how_an_interrupted_one_ended(self, call: str, hook: str) -> None:
        host = hooked()
        calls = run_until(hooked(), lambda it: it.deploy(request("v2.0.0")))[0].calls
        run_until(host, lambda it: it.deploy(request("v2.0.0")), CrashAt(calls.index(call) + 1, "after"))
        simulation = Simulation(host)
        assert engine_of(simulation).recover().code == 0
        assert [doc["hook"] for doc in simulation.hooked] == [hook]
        assert simulation.hooked[0]["release"]["version"] == "v2.0.0"
        if hook == "on-failure":
            assert "interrupted in phase start" in simulation.hooked[0]["cause"]
        assert engine_of(simulation).recover().code == 0
        assert len(simulation.hooked) == 1, "once"

    def test_it_hears_after_the_live_slot_runs_again(self) -> None:
        host = hooked()
        calls = run_until(hooked(), lambda it: it.deploy(request("v2.0.0")))[0].calls
        run_until(host, lambda it: it.deploy(request("v2.0.0")), CrashAt(calls.index("start_unit") + 1, "after"))
        host.reboot()
        simulation = Simulation(host)
        engine_of(simulation).recover()
        assert simulation.calls.index("run_hook") > simulation.calls.index("start_unit")


class TestOnDisk:
    def hook(self, at: Path, text: str, mode: int = 0o755) -> str:
        path = at / "pre-deploy"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(mode)
        return str(path)

    def test_it_reads_the_document(self, tmp_path: Path) -> None:
        run_hook(self.hook(tmp_path, f"cat > {tmp_path}/seen"), {"hook": "pre-deploy"}, 10)
        assert json.loads((tmp_path / "seen").read_text()) == {"hook": "pre-deploy"}
        assert HookDirectory(str(tmp_path), 1).present() == {"pre-deploy"}
        assert HookDirectory(str(tmp_path / "none"), 1).present() == frozenset()

    def test_it_need_not_read_it(self, tmp_path: Path) -> None:
        run_hook(self.hook(tmp_path, "exit 0"), {"x": "y" * 200_000}, 10)

    def test_a_code_is_a_failure_with_its_last_words(self, tmp_path: Path) -> None:
        with pytest.raises(Failure, match="exited with code 3: the freeze is on"):
            run_hook(self.hook(tmp_path, "echo the freeze is on; exit 3"), {}, 10)

    def test_the_deadline_ends_it_and_what_it_started(self, tmp_path: Path) -> None:
        started = time.monotonic()
        with pytest.raises(Failure, match="did not end within"):
            run_hook(self.hook(tmp_path, "sleep 60 & sleep 60"), {}, 0.3)
        assert time.monotonic() - started < 5

    def test_others_must_not_be_able_to_write_it(self, tmp_path: Path) -> None:
        with pytest.raises(Failure, match="can be written by others"):
            run_hook(self.hook(tmp_path, "exit 0", 0o757), {}, 10)

    def test_it_has_to_be_executable(self, tmp_path: Path) -> None:
        with pytest.raises(Failure, match="no executable file"):
            run_hook(self.hook(tmp_path, "exit 0", 0o644), {}, 10)
