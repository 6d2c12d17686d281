"""What does not fit twice into the memory of the host or its GPU is refused before anything begins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from releasectl.host import gpu
from releasectl.host.machine import LinuxMachine
from releasectl.model.errors import Code, Failure
from releasectl.model.model import Ref
from releasectl.rollout.capacity import RAM, Memory, Share, check_capacity, near_limit, size_mb

from .conftest import StandIn
from .scenarios import check_idle, deploy, publish, request, rollback, with_live
from .simulated_host import SimulatedHost, config
from .simulation import Simulation, engine_of

OLD, NEW = Ref(1, "v1.0.0", "image"), Ref(2, "v2.0.0", "image")


@pytest.mark.parametrize(
    ("text", "mb"), [("512m", 512), ("1g", 1024), ("2G", 2048), ("524288k", 512), ("1048576", 1), ("1b", 1)]
)
def test_dockers_notation(text: str, mb: int) -> None:
    assert size_mb(text) == mb


class TestLimits:
    def test_to_the_last_megabyte(self) -> None:
        assert check_capacity(RAM, Memory(1280, 0), 256, Share(NEW, 512), Share(OLD, 512)) is None
        trouble = check_capacity(RAM, Memory(1279, 0), 256, Share(NEW, 512), Share(OLD, 512))
        assert trouble and trouble.code == Code.PREFLIGHT
        assert trouble.cause == (
            "not enough memory for v2.0.0 (release 2) beside v1.0.0 (release 1): limits 512 MB + 512 MB, available "
            "to releases 1023 MB (1279 MB minus the reserve of 256 MB)"
        )
        assert trouble.hint == (
            "Stop the old release first: --strategy stop_first for this deploy, release_strategy: stop_first "
            "permanently. Or lower options.memory (release_options), lower the reserve (release_memory_reserve_mb), or "
            "use a larger host."
        )

    def test_what_does_not_fit_alone_is_not_sent_to_stop_first(self) -> None:
        for beside in (Share(OLD, 100), None):
            trouble = check_capacity(RAM, Memory(700, 0), 256, Share(NEW, 512), beside)
            assert trouble and trouble.hint and "stop_first" not in trouble.hint
            assert trouble.hint.startswith("Lower options.memory ")

    def test_what_others_take_at_the_moment_is_a_warning(self) -> None:
        assert near_limit(RAM, Memory(4000, 512), Share(NEW, 512), None) is None
        assert near_limit(RAM, Memory(4000, 500), Share(NEW, 512), Share(OLD, 12)) is None
        warning = near_limit(RAM, Memory(4000, 500), Share(NEW, 512), None)
        assert warning and "may take 512 MB, 500 MB are available" in warning


def small(*versions: str, **settings: Any) -> SimulatedHost:
    """A host that holds one release of 512 MB, and not two."""
    host = with_live(*versions)
    host.memory = Memory(1000, 800)
    host.config = config(**settings)
    return host


class TestPreflight:
    def test_refused_before_anything_begins(self) -> None:
        host = publish(small("v1.0.0"), "v2.0.0")
        simulation = Simulation(host)
        result = engine_of(simulation).deploy(request("v2.0.0"))
        assert (result.code, result.outcome) == (Code.PREFLIGHT, "refused"), result
        assert "begin_journal" not in simulation.calls and "pull_image" not in simulation.calls
        assert host.serves()
        check_idle(host)

    def test_stop_first_is_the_way_out(self) -> None:
        assert deploy(small("v1.0.0"), "v2.0.0", False, strategy="stop_first").outcome == "live"

    def test_a_smaller_reserve_is_another(self) -> None:
        host = small("v1.0.0", memory_reserve_mb=0)
        host.memory = Memory(1024, 800)
        assert deploy(host, "v2.0.0").outcome == "live"

    def test_the_options_of_the_releases_decide(self) -> None:
        assert deploy(small("v1.0.0"), "v2.0.0", False, options={"memory": "200m"}).outcome == "live"

    def test_a_first_release_has_nobody_beside_it(self) -> None:
        host = SimulatedHost()
        host.memory = Memory(800, 700)
        assert deploy(host, "v1.0.0").outcome == "live"

    def test_a_release_that_never_fits(self) -> None:
        result = deploy(small("v1.0.0"), "v2.0.0", False, strategy="stop_first", options={"memory": "2g"})
        assert result.code == Code.PREFLIGHT

    def test_a_warning_does_not_stop_it(self) -> None:
        host = with_live("v1.0.0")
        host.memory = Memory(4000, 100)
        result = deploy(host, "v2.0.0")
        assert result.outcome == "live"
        assert any("100 MB are available" in warning for warning in result.warnings)

    def test_a_rollback_to_the_standby_asks_for_nothing(self) -> None:
        host = small("v1.0.0", "v2.0.0")
        simulation = Simulation(host)
        assert engine_of(simulation).rollback(None, "bob", "").outcome == "live"
        assert "memory" not in simulation.calls

    def test_another_rollback_stops_the_old_one_first(self) -> None:
        host = with_live("v1.0.0", "v2.0.0", standby_s=0)
        host.memory = Memory(1000, 800)
        result = rollback(host)
        assert result.outcome == "live" and "stop" in dict(result.phases), result
        assert any("The old release stops before the new one starts." in warning for warning in result.warnings)


# Of a GPU with 16 GB.
TAKES = {"gpu_memory": "10g"}


class TestGpu:
    def live(self) -> SimulatedHost:
        host = SimulatedHost()
        assert deploy(host, "v1.0.0", options=TAKES).outcome == "live"
        return host

    def test_refused_beside_the_live_one(self) -> None:
        host = self.live()
        result = deploy(host, "v2.0.0", False, options=TAKES)
        assert result.code == Code.PREFLIGHT
        assert str(result.cause).startswith("not enough GPU memory for v2.0.0 (release 2) beside v1.0.0 (release 1): ")
        assert str(result.cause).endswith(": limits 10240 MB + 10240 MB, available to releases 16000 MB")
        assert "--strategy stop_first" in (result.hint or "") and "gpu_memory" in (result.hint or "")
        assert host.serves()
        check_idle(host)

    def test_stop_first_is_the_way_out_and_the_way_back(self) -> None:
        host = self.live()
        assert deploy(host, "v2.0.0", False, strategy="stop_first", options=TAKES).outcome == "live"
        result = rollback(host)
        assert result.outcome == "live" and "stop" in dict(result.phases), result

    def test_a_live_one_that_takes_nothing_of_it(self) -> None:
        assert deploy(with_live("v1.0.0"), "v2.0.0", False, options=TAKES).outcome == "live"

    def test_a_warning_when_others_take_the_rest(self) -> None:
        host = SimulatedHost()
        host.gpu_memory = Memory(16000, 9000)
        result = deploy(host, "v1.0.0", options=TAKES)
        assert any(warning.startswith("GPU memory: ") for warning in result.warnings), result

    def test_the_driver_is_not_asked_for_nothing(self) -> None:
        simulation = Simulation(publish(SimulatedHost(), "v1.0.0"))
        assert engine_of(simulation).deploy(request("v1.0.0")).outcome == "live"
        assert "gpu_memory" not in simulation.calls


class TestDriver:
    def test_the_gpu_with_the_least_counts(self, stand_in: StandIn) -> None:
        stand_in("nvidia-smi", "echo '23034, 22500'; echo '15360, 15000'")
        assert gpu.memory() == Memory(15360, 15000)

    @pytest.mark.parametrize(
        ("script", "cause"),
        [
            ("echo 'No devices were found'; exit 6", "No devices were found"),
            ("echo '[N/A], [N/A]'", r"it printed '\[N/A\]"),
            ("exit 0", "it printed ''"),
        ],
    )
    def test_what_tells_no_memory(self, stand_in: StandIn, script: str, cause: str) -> None:
        stand_in("nvidia-smi", script)
        with pytest.raises(Failure, match=cause) as raised:
            gpu.memory()
        assert raised.value.code == Code.PREFLIGHT and "release_options" in (raised.value.hint or "")

    def test_no_driver(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(Failure, match="nvidia-smi is not installed"):
            gpu.memory()


def test_the_real_memory_is_read() -> None:
    memory = LinuxMachine().memory()
    assert 0 < memory.available_mb <= memory.total_mb
