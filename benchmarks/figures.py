"""Measurements as tables, each beside the bar it is held against. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from benchmarks.on_host import PHASES, Rollout
from benchmarks.page import ms, s, table
from tests.harness.load.measure import NEAR_S, Sample, Summary, between, median, near, summarize
from tests.harness.load.streams import SLOW

# What is timed → its bar (s); in the order in which the bench measures.
COMMANDS: dict[str, float | None] = {
    "deploy on the host, image there, slot free": None,
    "of it the application by hand: `docker run` to ready": None,
    "of it the engine: the difference": 0.5,
    "rollback in standby: from command to traffic moved": 0.15,
    "rollback in standby: whole command on the host": None,
    "`fab rollback`: whole process": 1.0,
    "`ansible-playbook playbooks/rollback.yml`": 3.0,
    "deploy of what is live, on the host": 0.1,
    "`ansible-playbook playbooks/deploy.yml`, image on the host, slot free": 3.5,
    "the same, with a standby to stop first": None,
    "`ansible-playbook playbooks/deploy.yml` of what is live": None,
}
TAIL_BAR = 1.5
# Less than so much of the machine's time, taken by the hypervisor: like is compared with like.
STOLEN = (0.02, 0.05, 0.10, 1.01)


def verdict(value: float, bar: float | None) -> str:
    if bar is None:
        return ""
    return f"≤ {bar:g}: {'yes' if value <= bar else '**no**'}"


def one_line(rollout: Rollout) -> str:
    return (
        f"{rollout.kind} {rollout.version} {rollout.outcome}, {rollout.total:.2f} s, moved after {rollout.moved:.3f} s"
    )


def status_rows(hosts: int) -> dict[str, float | None]:
    """What is timed of the status → its bar (s). `hosts`: of the inventory."""
    rows: dict[str, float | None] = {
        "`releasectl status`, on the host": 1.0,
        "`releasectl metrics`, on the host": None,
        "`fab status` of one host": None,
    }
    return {**rows, f"`fab status` of {hosts} hosts": None} if hosts > 1 else rows


def commands(found: Mapping[str, Sequence[float]], rollouts: Sequence[Rollout]) -> str:
    return f"{timings(found, COMMANDS)}\nPhases on the host, medians (s):\n\n{phases(rollouts)}"


def timings(found: Mapping[str, Sequence[float]], bars: Mapping[str, float | None]) -> str:
    rows = [
        (
            name,
            len(found[name]),
            f"{median(found[name]):.3f}",
            f"{max(found[name]):.3f}",
            verdict(median(found[name]), bar),
        )
        for name, bar in bars.items()
    ]
    head = ("what", "times", "median (s)", "most (s)", "target (s)")
    return table(head, rows)


def phases(rollouts: Sequence[Rollout]) -> str:
    rows = []
    for kind in ("deploy", "rollback"):
        these = [it for it in rollouts if it.kind == kind]
        if these:
            cells = [f"{median([it.phases.get(name, 0.0) for it in these]):.3f}" for name in PHASES]
            rows.append((kind, len(these), *cells, s(median([it.total for it in these]))))
    return table(("kind", "times", *PHASES, "total"), rows)


def load(
    samples: Mapping[str, Sequence[Sample]],
    rollouts: Sequence[Rollout],
    rests: Sequence[tuple[float, float]],
    rounds: tuple[float, float],
    stolen: Callable[[float, float], float],
) -> str:
    """
    `rests`, `rounds`: begin and end, seconds since the epoch. `stolen`: the share of the machine's time that the
    hypervisor took between two moments.
    """
    moments = [it.switched for it in rollouts]
    rows = []
    for name, these in samples.items():
        if name != SLOW:
            rows.append(_row(name, these, rests, moments))
    quick = [sample for name, these in samples.items() if name != SLOW for sample in these]
    rows.append(_row("**all of them**", quick, rests, moments))
    head = ("clients", "requests", "failed", "p50 / p99 / max at rest (ms)", "p50 / p99 / max at switches (ms)",
            "p99 against rest")  # fmt: skip
    everything = [sample for these in samples.values() for sample in these]
    during = summarize(between(everything, [rounds]))
    slow = summarize(samples.get(SLOW, []))
    seconds = rounds[1] - rounds[0]
    rest_s = sum(end - begin for begin, end in rests)
    moved = [it.moved for it in rollouts if it.kind == "rollback"]
    text = f"""{len(rollouts)} rollouts and rollbacks in {seconds:.0f} s under {during.count / seconds:.0f} requests/s:
{during.count} requests, **{during.failed} failed**. Among them {slow.count} requests whose bodies take two seconds
({slow.failed} failed). A switch's surroundings are ± {NEAR_S:g} s; at rest are the {rest_s:.0f} s, before, between
and after them, in which nothing was rolled out.

{table(head, rows)}
What the hypervisor took from this machine differs from second to second, and the p99 with it. Seconds at rest and
surroundings of switches in which it took about as much:

{by_stolen(quick, rests, moments, stolen)}
Phases on the host under this load, medians (s); the drain waits for the requests of two seconds:

{phases(rollouts)}"""
    if moved:
        text += f"\nRollback in standby under this load, from command to traffic moved: median {median(moved):.3f} s, "
        text += f"most {max(moved):.3f} s.\n"
    errors = sorted({sample.error or f"HTTP {sample.status}" for sample in everything if not sample.ok})
    if errors:
        text += "\nFailures: " + "; ".join(errors[:5]) + ".\n"
    return text


def by_stolen(
    samples: Sequence[Sample],
    rests: Sequence[tuple[float, float]],
    moments: Sequence[float],
    stolen: Callable[[float, float], float],
) -> str:
    calm = [(begin + number, begin + number + 1) for begin, end in rests for number in range(int(end - begin))]
    around = [(at - NEAR_S, at + NEAR_S) for at in moments]
    rows = []
    for least, most in pairwise((0.0, *STOLEN)):
        cells: list[object] = [f"{least:.0%} to {most:.0%}" if most <= 1 else f"{least:.0%} or more"]
        tails = []
        for spans in (calm, around):
            these = [span for span in spans if least <= stolen(*span) < most]
            tails.append(summarize(between(samples, these)).p99)
            cells += [len(these), ms(tails[-1])]
        rows.append((*cells, "–" if math.isnan(tails[0] + tails[1]) else f"{tails[1] / tails[0]:.2f} ×"))
    return table(("taken", "seconds at rest", "p99 (ms)", "switches", "p99 (ms)", "against rest"), rows)


def _row(
    name: str, samples: Sequence[Sample], rests: Sequence[tuple[float, float]], moments: Sequence[float]
) -> tuple[object, ...]:
    whole, rest, switches = summarize(samples), summarize(between(samples, rests)), summarize(near(samples, moments))
    ratio = switches.p99 / rest.p99 if rest.p99 else math.nan
    return (
        name,
        whole.count,
        whole.failed,
        _latencies(rest),
        _latencies(switches),
        f"{ratio:.2f} × ({verdict(ratio, TAIL_BAR)})",
    )


def _latencies(found: Summary) -> str:
    return f"{ms(found.p50)} / {ms(found.p99)} / {ms(found.max)}"
