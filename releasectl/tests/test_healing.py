"""What recovery repairs around a service by itself, and whom it tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from releasectl.commands.around import Around
from releasectl.commands.healing import AGAIN_S
from releasectl.model.errors import Code, Failure, UnreadableMap
from releasectl.rollout.healing import certificate_repairs, own_units, unit_repairs
from releasectl.rollout.surroundings import Certificates, Leaf, Unit

from .scenarios import with_live
from .simulated_host import SimulatedHost
from .simulation import Simulation, engine_of

RECOVER, WATCHDOG = "slipway-recover@inference.timer", "slipway-watchdog@inference.timer"
SLOT = "inference@blue.service"
UP, MASKED = Unit("loaded", "active", "enabled"), Unit("masked", "inactive", "masked")
HOOK = "/etc/letsencrypt/renewal-hooks/deploy/slipway-haproxy"
OLD, NEW = Leaf("aa", 0, 10), Leaf("bb", 5, 15)
UNREADABLE = "the live map has an unreadable entry ('garbage')"


def certificates(**found: Any) -> Certificates:
    return Certificates("/etc/haproxy/certs/api.pem", "127.0.0.1:443", HOOK, **found)


class Host(Around):
    """Each command works, but those that begin with a word of `broken`."""

    def __init__(self, units: Mapping[str, Unit] | None = None, found: Certificates | None = None, broken: str = ""):
        self.found_units, self.found, self.broken = units or {}, found, broken
        self.ran: list[str] = []

    def units(self, names: Sequence[str]) -> Mapping[str, Unit]:
        return {name: unit for name, unit in self.found_units.items() if name in names}

    def certificates(self) -> Certificates | None:
        return self.found

    def run(self, argv: Sequence[str]) -> None:
        self.ran.append(" ".join(argv))
        if self.broken and argv[0] == self.broken:
            raise Failure(Code.PREFLIGHT, f"{argv[0]}: no")


@pytest.mark.parametrize(
    ("name", "unit", "commands"),
    [
        (RECOVER, UP, ()),
        (RECOVER, Unit("loaded", "inactive", "enabled"), (f"systemctl enable --now {RECOVER}",)),
        (WATCHDOG, Unit("loaded", "active", "disabled"), (f"systemctl enable --now {WATCHDOG}",)),
        (RECOVER, MASKED, (f"systemctl unmask {RECOVER}", f"systemctl enable --now {RECOVER}")),
        (SLOT, MASKED, (f"systemctl unmask {SLOT}",)),
        (SLOT, Unit("masked", "inactive", "masked-runtime"), (f"systemctl unmask --runtime {SLOT}",)),
        # A host that was converged by an earlier version has no watchdog; a slot may rest.
        (WATCHDOG, Unit("not-found", "inactive"), ()),
        (SLOT, Unit("loaded", "inactive", "disabled"), ()),
    ],
)
def test_units(name: str, unit: Unit, commands: tuple[str, ...]) -> None:
    found = unit_repairs({name: unit}, "inference")
    assert tuple(" ".join(argv) for it in found for argv in it.commands) == commands


def test_units_of_others_are_left_to_a_person() -> None:
    names = own_units("inference", [SLOT])
    assert not [it for it in names if "docker" in it or "haproxy" in it or "certbot" in it]


@pytest.mark.parametrize(
    ("found", "names"),
    [
        (None, []),
        (certificates(served=NEW, on_disk=NEW, certbots=NEW, hook_runs=True), []),
        # certbot has none, as before the first one; HAProxy is down.
        (certificates(served=OLD, on_disk=OLD, hook_runs=None), []),
        (certificates(on_disk=NEW, certbots=NEW, hook_runs=True), []),
        (certificates(served=OLD, on_disk=NEW, certbots=NEW), ["InstallCertificate"]),
        (certificates(served=NEW, on_disk=OLD, certbots=NEW), ["InstallCertificate"]),
        (certificates(served=OLD, on_disk=OLD, certbots=NEW, hook_runs=False),
         ["MakeHookExecutable", "InstallCertificate"]),
    ],
)  # fmt: skip
def test_certificates(found: Certificates | None, names: list[str]) -> None:
    assert [it.name for it in certificate_repairs(found)] == names


def live() -> SimulatedHost:
    host = with_live("v1.0.0", "v2.0.0")
    host.hooks = frozenset({"post-recovery"})
    return host


def test_a_repair_is_an_event_a_line_of_history_and_a_notification() -> None:
    host = live()
    simulation, around = Simulation(host), Host({RECOVER: MASKED}, certificates(hook_runs=False))
    before = len(host.history)
    result = engine_of(simulation).recover(around=around)
    assert (result.code, result.outcome) == (0, "recovered")
    assert around.ran == [
        f"systemctl unmask {RECOVER}", f"systemctl enable --now {RECOVER}", f"chmod 0755 {HOOK}",
    ]  # fmt: skip
    (entry,) = host.entries()[before:]
    assert (entry.kind, entry.outcome, entry.release.version) == ("recovery", "repaired", "v2.0.0")
    assert entry.cause == f"{RECOVER} was masked: started; certbot's hook {HOOK} was not executable: mode 0755"
    (document,) = simulation.hooked
    assert (document["hook"], document["kind"], document["reason"]) == ("post-recovery", "recovery", entry.cause)


def test_the_same_repair_is_told_once_an_hour() -> None:
    host = live()
    before = len(host.history)

    def repair() -> None:
        engine_of(Simulation(host)).recover(around=Host({RECOVER: MASKED}))

    repair()
    repair()
    assert len(host.history) == before + 1
    host.spend(AGAIN_S)
    repair()
    assert len(host.history) == before + 2


def test_nothing_to_repair_leaves_no_trace() -> None:
    host = live()
    simulation, before = Simulation(host), len(host.history)
    result = engine_of(simulation).recover(around=Host({RECOVER: UP, WATCHDOG: UP, SLOT: UP}))
    assert (result.outcome, len(host.history), simulation.hooked) == ("unchanged", before, [])


def test_a_repair_that_fails_is_a_trouble_and_the_others_go_on() -> None:
    host = live()
    around = Host({RECOVER: MASKED}, certificates(hook_runs=False), broken="systemctl")
    result = engine_of(Simulation(host)).recover(around=around)
    assert (result.code, result.cause) == (Code.PREFLIGHT, "systemctl: no")
    assert around.ran[-1] == f"chmod 0755 {HOOK}"
    assert "was masked" not in (host.entries()[-1].cause or "")


@pytest.mark.parametrize(("broken", "code"), [("", 0), ("systemctl", Code.PREFLIGHT)])
def test_an_unreadable_map_is_read_again(monkeypatch: pytest.MonkeyPatch, broken: str, code: int) -> None:
    simulation, around = Simulation(live()), Host(broken=broken)

    def unreadable() -> None:
        raise UnreadableMap(Code.PREFLIGHT, UNREADABLE, "sudo systemctl reload haproxy")

    monkeypatch.setattr(simulation.host.routing, "get_split", unreadable)
    result = engine_of(simulation).recover(around=around)
    assert around.ran == ["systemctl reload haproxy.service"]
    assert result.code == code
    if code:
        assert UNREADABLE in result.warnings
    else:
        assert result.extra["done"] == [f"{UNREADABLE}: HAProxy reloaded"]


def test_a_map_that_differs_is_told_but_the_end_of_a_standby_is_not() -> None:
    host = live()
    before = len(host.history)
    host.runtime = "blue"
    engine_of(Simulation(host)).recover(around=Host())
    assert host.entries()[before].cause == "HAProxy routes to green, blue stands by"
    host.spend(10_000)
    result = engine_of(Simulation(host)).recover(around=Host())
    assert result.changed and len(host.history) == before + 1
