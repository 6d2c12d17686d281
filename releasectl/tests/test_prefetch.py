"""prefetch pulls and nothing else; retention by bytes; what is said to systemd and to a canary."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from releasectl.host.canary_mailbox import CanaryMailbox
from releasectl.host.paths import Paths
from releasectl.host.scope import in_scope, scope_argv
from releasectl.host.store import Store
from releasectl.model.errors import Code, Failure
from releasectl.model.model import Split
from releasectl.rollout.ports import CanaryCommand
from releasectl.rollout.retention import to_prune

from .releases import entry, images, state
from .scenarios import check_consistent, deploy, image, publish, with_live
from .simulated_host import SimulatedHost, config
from .simulation import Simulation, engine_of


class TestPrefetch:
    def test_it_pulls_and_records_nothing(self) -> None:
        host = publish(with_live("v1.0.0"), "v2.0.0")
        before = host.copy()
        simulation = Simulation(host)
        result = engine_of(simulation).prefetch({"image": image("v2.0.0")})
        assert (result.outcome, result.code, result.changed) == ("prefetched", 0, True)
        assert image("v2.0.0") in host.images
        assert (host.history, host.state, host.releases) == (before.history, before.state, before.releases)
        assert set(simulation.calls) == {"check_docker", "has_image", "check_platforms", "pull_image"}
        deploy(host, "v2.0.0")
        check_consistent(host)

    def test_what_is_here_is_not_pulled_again(self) -> None:
        host = with_live("v1.0.0")
        simulation = Simulation(host)
        assert engine_of(simulation).prefetch({"image": image("v1.0.0")}).outcome == "unchanged"
        assert "pull_image" not in simulation.calls

    @pytest.mark.parametrize("document", [{}, {"image": "app:latest"}, {"image": image("v1.0.0"), "tag": "x"}, []])
    def test_by_digest_only(self, document: Any) -> None:
        assert engine_of(Simulation(SimulatedHost())).prefetch(document).code == Code.USAGE

    def test_not_onto_a_full_disk(self) -> None:
        host = publish(SimulatedHost(), "v1.0.0")
        host.free_mb = 10
        assert engine_of(Simulation(host)).prefetch({"image": image("v1.0.0")}).code == Code.PREFLIGHT

    def test_while_another_change_runs(self) -> None:
        host = publish(SimulatedHost(), "v1.0.0")
        host.locked = True
        assert engine_of(Simulation(host)).prefetch({"image": image("v1.0.0")}).outcome == "prefetched"

    def test_what_is_never_deployed_goes_after_a_week(self) -> None:
        host = publish(publish(with_live("v1.0.0"), "v2.0.0"), "v3.0.0")
        engine_of(Simulation(host)).prefetch({"image": image("v2.0.0")})
        host.images |= {"registry.example.com/postgres@sha256:" + "a" * 64}
        host.wall += 6 * 24 * 3600
        engine_of(Simulation(host)).prefetch({"image": image("v3.0.0")})
        assert engine_of(Simulation(host)).prune().outcome == "unchanged"
        host.wall += 2 * 24 * 3600
        # By the next deploy, too, which is not failed by it.
        result = deploy(host, "v1.0.0", env={"A": "1"})
        assert result.outcome == "live"
        assert image("v2.0.0") not in host.images
        assert image("v3.0.0") in host.images
        assert len(host.images) == 3


class TestRetentionByBytes:
    history = tuple(map(entry, (1, 2, 3, 4)))
    sizes = {f"image-{number}": 100 for number in range(1, 5)}  # noqa: RUF012

    def pruned(self, limit: int, **now: int) -> tuple[int, ...]:
        return to_prune(images(1, 2, 3, 4), self.history, state(4, **now), 4, frozenset(), self.sizes, limit).releases

    def test_the_oldest_go_first_until_it_fits(self) -> None:
        assert self.pruned(400) == ()
        assert self.pruned(399) == (1,)
        assert self.pruned(200) == (1, 2)

    def test_what_is_needed_stays_whatever_its_size(self) -> None:
        assert self.pruned(1, standby=3, previous=2) == (1,)

    def test_an_image_that_two_share_counts_once(self) -> None:
        shared = {1: "a", 2: "a", 3: "b"}
        found = to_prune(shared, self.history, state(3), 3, frozenset(), {"a": 100, "b": 100}, 200)
        assert found.releases == ()

    def test_the_engine_asks_for_sizes_only_then(self) -> None:
        host = with_live("v1.0.0", "v2.0.0", "v3.0.0", "v4.0.0", retain=9, retain_mb=250)
        assert len(host.releases) == 2
        simulation = Simulation(with_live("v1.0.0"))
        engine_of(simulation).prune()
        assert "image_sizes" not in simulation.calls


class TestScope:
    def test_the_call_of_systemd(self) -> None:
        argv = scope_argv("inference", 42)
        assert argv[:2] == ("busctl", "call")
        assert "slipway-inference-42.scope" in argv and argv[argv.index("PIDs") + 1 :][:3] == ("au", "1", "42")

    def test_only_once(self) -> None:
        assert in_scope("inference", "0::/system.slice/slipway-inference-42.scope\n")
        assert not in_scope("inference", "0::/user.slice/user-0.slice/session-3.scope\n")


class TestCanaryMailbox:
    def test_a_command_is_accepted_once(self, tmp_path: Path) -> None:
        mailbox = CanaryMailbox(str(tmp_path), "inference")
        mailbox.publish_status({"txn": "t1", "percent": 5})
        accepted: list[CanaryCommand | None] = []

        def engine() -> None:
            while not accepted:
                command = mailbox.take_command("t1")
                if command:
                    accepted.append(command)
                time.sleep(0.01)

        thread = threading.Thread(target=engine)
        thread.start()
        assert mailbox.send("promote", "alice")["percent"] == 5
        thread.join()
        assert accepted == [CanaryCommand("promote", "alice")]
        assert mailbox.take_command("t1") is None

    def test_no_canary_runs(self, tmp_path: Path) -> None:
        with pytest.raises(Failure, match="no canary is running") as caught:
            CanaryMailbox(str(tmp_path), "inference").send("abort", "alice")
        assert caught.value.code == Code.USAGE

    def test_a_command_for_another_canary_is_ignored(self, tmp_path: Path) -> None:
        mailbox = CanaryMailbox(str(tmp_path), "inference")
        (tmp_path / "inference.canary.word").write_text('{"txn": "old", "word": "abort", "by": "x"}')
        assert mailbox.take_command("t1") is None
        (tmp_path / "inference.canary.word").write_text("half a li")
        assert mailbox.take_command("t1") is None

    def test_what_a_dead_engine_left_is_cleared(self, tmp_path: Path) -> None:
        mailbox = CanaryMailbox(str(tmp_path), "inference")
        mailbox.publish_status({"txn": "t1"})
        mailbox.clear()
        assert mailbox.read_status() is None


class TestMapFile:
    def store(self, tmp_path: Path) -> Store:
        store = Store(Paths(str(tmp_path)), config())
        store.prepare()
        return store

    def test_a_split_is_read_back(self, tmp_path: Path) -> None:
        store = self.store(tmp_path)
        store.write_split(Split("blue", "green", 25))
        assert Path(store.map_path).read_text() == "live blue\ncanary green\npercent 25\n"
        assert (store.read().map_slot, store.read().map_percent) == ("blue", 25)

    def test_the_switch_leaves_one_line(self, tmp_path: Path) -> None:
        store = self.store(tmp_path)
        store.write_split(Split("blue", "green", 25))
        store.write_map("green")
        assert Path(store.map_path).read_text() == "live green\n"
        assert (store.read().map_slot, store.read().map_percent) == ("green", 0)
