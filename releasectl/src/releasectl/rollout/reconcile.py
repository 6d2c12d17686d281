"""Pure: the drift between state.json and the host, and how a lost state.json is rebuilt."""

from __future__ import annotations

from collections.abc import Mapping

from ..model.errors import Code, Failure
from ..model.journal import Entry
from ..model.model import IN_MAINTENANCE, NO_SLOT, Config, Live, Maintenance, Moment, Ref, Release, Standby, State
from . import effects as fx
from .finding import releasectl
from .network import Network, describe, restarted_in_vain
from .ports import History, RecordSnapshot, UnitStates, Unreadable

STANDBY_SLACK_S = 5
RECOVERY = "recovery"
"""Who has begun a maintenance that was found without a record of it."""


def reconcile(
    state: State,
    *,
    records: RecordSnapshot,
    units: UnitStates,
    runtime: str | None,
    containers: Mapping[str, int],
    now: Moment,
    config: Config,
    percent: int = 0,
    runtime_standby: str = NO_SLOT,
    answers: bool = True,
) -> tuple[fx.Effect, ...]:
    """
    The effects that make the host agree with `state`, the most urgent first: the live slot runs, HAProxy routes to it,
    and what is neither live nor a valid standby ends. `runtime` None: HAProxy does not answer, leave it alone (it
    reads the map when it starts). `percent`: a share that some canary has left to the other slot. `answers`: the live
    slot is ready; a standby that answers for it stays for as long as it is not.
    """
    todo: list[fx.Effect] = []
    live, standby = state.live, state.standby
    if live:
        if records.links.get(live.slot) != live.ref.id:
            todo.append(fx.LinkSlot(live.slot, live.ref.id))
        if not units.up(live.slot):
            todo.append(fx.StartUnit(live.slot))
    keep = {live.slot} if live else set()
    if standby and ((standby_is_over(standby, now, config) and answers) or not units.up(standby.slot)):
        state = state.without_standby()
        todo.append(fx.SaveState(state))
    elif standby:
        keep.add(standby.slot)
        if records.links.get(standby.slot) != standby.ref.id:
            todo.append(fx.LinkSlot(standby.slot, standby.ref.id))
    # Before a standby stops, so that HAProxy no longer sends to it.
    wanted = (state.routed, state.failover)
    if (records.map_slot, records.map_standby) != wanted or percent:
        todo.append(fx.WriteMap(*wanted))
    if runtime is not None and ((runtime, runtime_standby) != wanted or percent):
        todo.append(fx.SetMap(state.routed, config.deadlines.switch, state.failover))
    for slot in config.slots:
        if slot in keep:
            continue
        if units.active.get(slot, "inactive") not in ("inactive", "failed"):
            todo.append(fx.StopUnit(slot))
        if slot in containers:
            todo.append(fx.RemoveContainer(slot))
        if slot in records.links:
            todo.append(fx.UnlinkSlot(slot))
    return tuple(todo)


def repair(network: Network) -> tuple[fx.Effect, ...]:
    """The effects that restore the packet filter. The firewall first: until then every port may be open, or none."""
    todo: list[fx.Effect] = []
    if network.firewall:
        todo.append(fx.LoadFirewall())
    if network.docker and not restarted_in_vain(network):
        todo.append(fx.RestartDocker(describe(network)))
    return tuple(todo)


def standby_is_over(standby: Standby, now: Moment, config: Config) -> bool:
    """None has more than its full time left: one that seems to is of another boot, or of a clock that was set."""
    return not 0 < standby.left_s(now) <= config.standby_s + STANDBY_SLACK_S


def rebuild(
    records: RecordSnapshot, history: History, releases: Mapping[int, Release | Unreadable], config: Config, now: float
) -> State:
    """
    The state when state.json is missing or unreadable, from the live map, the slot links and the history; they have to
    agree (`records`: with the journal resolved). Raises Failure (code 6) with what a person has to do when they do not.
    """
    last = next((entry for entry in reversed(history.entries) if entry.outcome == "live"), None)
    routed = records.map_slot
    lost = Maintenance(now, RECOVERY, "the record of it was lost")
    if not last and not history.unreadable and not records.links and routed in (None, NO_SLOT, IN_MAINTENANCE):
        return State(maintenance=lost if routed == IN_MAINTENANCE else None)
    # With no work left over, only a maintenance takes the traffic from a release that is live. An older engine wrote
    # `none` for it.
    away = routed in (NO_SLOT, IN_MAINTENANCE) and last is not None and records.journal is None
    slot = routed if routed in config.slots else (last.slot if last and (routed is None or away) else None)
    if slot is None:
        raise _person(records, _mapped(routed), last, config)
    release = releases.get(records.links.get(slot, 0))
    if not isinstance(release, Release):
        raise _person(records, f"slot {slot}, which the live map names, has no readable release", last, config)
    if last is None:
        if history.unreadable:
            raise _person(records, "history cannot be read", last, config)
        return State(Live(release.ref, slot, now, "deploy"))
    if (last.slot, last.release.id) != (slot, release.ref.id):
        raise _person(records, f"{_mapped(routed)}, and slot {slot} has {release.ref}", last, config)
    maintenance = lost if away else None
    return State(Live(release.ref, slot, last.ended, last.kind), None, _kept(last.previous, releases), maintenance)


def assume_live(
    slot: str, records: RecordSnapshot, history: History, releases: Mapping[int, Release | Unreadable], now: float
) -> State:
    """The state that a person declared (`recover --live SLOT`)."""
    release = releases.get(records.links.get(slot, 0))
    if not isinstance(release, Release):
        raise Failure(
            Code.PERSON, f"slot {slot} has no readable release, so it cannot be declared live", "Name the other slot."
        )
    entry = next((e for e in reversed(history.entries) if e.outcome == "live" and e.release == release.ref), None)
    return State(Live(release.ref, slot, now, "deploy"), None, _kept(entry.previous, releases) if entry else None)


def _kept(ref: Ref | None, releases: Mapping[int, Release | Unreadable]) -> Ref | None:
    return ref if ref and isinstance(releases.get(ref.id), Release) else None


def _mapped(routed: str | None) -> str:
    return "the live map has no live slot" if routed is None else f"the live map has {routed!r}"


def _person(records: RecordSnapshot, found: str, last: Entry | None, config: Config) -> Failure:
    why = records.state.why if isinstance(records.state, Unreadable) else "it is missing"
    live = "the history has no live release"
    if last:
        live = f"the last live release in the history is {last.release} on {last.slot}"
    return Failure(
        Code.PERSON,
        f"state.json cannot be read ({why}) and the other records disagree: {found}; {live}",
        f"Find the slot whose container is healthy (systemctl status '{config.service}@*', sudo docker ps), then run: "
        + releasectl(config.service, "recover --live blue|green"),
    )
