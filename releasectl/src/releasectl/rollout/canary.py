"""The canary strategy: judge a candidate beside the live release by HAProxy's counters, and wait for the evidence."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

from ..documents.timestamps import rfc3339
from ..model.counters import Span, Tally
from ..model.errors import Code, Failure
from ..model.journal import Mark
from ..model.model import Canary, Split
from ..startup.fast_dataclass import dataclass
from .gates import HINT, failed, raise_if_dead
from .phase_names import CANARY
from .ports import CanaryCommand, Host

POLL_S = 0.5
HOLD_S = 30 * 86400.0
"""Every wait has an end: a split that nobody ends is aborted after a month."""
SURE, LIKELY = 2.58, 1.0
"""Standard deviations: an early verdict is wrong once in two hundred times, one at a step's end once in six."""


@dataclass(frozen=True)
class Verdict:
    good: bool
    why: str
    slow: bool = False


def judge(candidate: Span, live: Span, canary: Canary, final: bool, late: bool = False) -> Verdict | None:
    """
    None: not decided. Before the step's end only errors decide, and only when chance can't explain them (Wilson's
    interval). At the end (`final`) less is enough, so that one failed request of fifty is watched longer, not judged.
    When the wait for evidence is over (`late`) the plain ratios decide.
    """
    limit = live.error_ratio + canary.max_error_ratio
    numbers = f"candidate: {candidate}; live: {live}"
    if candidate.requests < canary.min_requests:
        return None
    sure = 0.0 if late else LIKELY if final else SURE
    if lower_bound(candidate.failed, candidate.requests, sure) > limit:
        return Verdict(False, f"{candidate.error_ratio:.1%} of its requests failed, at most {limit:.1%} may; {numbers}")
    if not final or candidate.error_ratio > limit:
        return None
    # HAProxy's means are rounded: in doubt for the candidate.
    if candidate.timed and live.timed and candidate.mean_low_ms > canary.max_latency_ratio * live.mean_high_ms:
        times = candidate.mean_ms / live.mean_ms if live.mean_ms else float("inf")
        return Verdict(
            False, f"{times:.1f} × as slow, at most {canary.max_latency_ratio:g} × is allowed; {numbers}", slow=True
        )
    return Verdict(True, numbers)


def lower_bound(bad: int, total: int, z: float = SURE) -> float:
    """Wilson score interval: the least share of `bad` that so many of `total` are still likely for."""
    if total <= 0 or bad <= 0:
        return 0.0
    share, square = min(1.0, bad / total), z * z
    centre = share + square / (2 * total)
    spread = z * sqrt(share * (1 - share) / total + square / (4 * total * total))
    return max(0.0, (centre - spread) / (1 + square / total))


class Watch:
    """A step in progress. Counters that can't be read leave the sums unchanged: unknown is not zero."""

    def __init__(self, host: Host, live: str, slot: str) -> None:
        self.host = host
        self.live = live
        self.slot = slot
        self.tallies: dict[str, Tally] = {}
        self.candidate = Span()
        self.base = Span()
        self.problem = ""

    def sample(self) -> None:
        try:
            now = self.host.routing.counters()
        except Failure as failure:
            self.problem = f"; {failure.cause}"
            return
        self.problem = ""
        for slot, counters in now.items():
            self.tallies.setdefault(slot, Tally(counters))
        if self.slot in now and self.live in now:
            self.candidate = self.tallies[self.slot].sample(now[self.slot])
            self.base = self.tallies[self.live].sample(now[self.live])


class SlownessRecheck:
    """
    A second measurement of a candidate that was slow, as long as a step, from now on: one request that met a hiccup of
    the machine can dominate a mean over few of them. Only a candidate that is slow both times counts as slow.
    """

    def __init__(self, host: Host, split: Split) -> None:
        self.host = host
        self.watch = Watch(host, split.live, split.canary)
        self.started = host.process.monotonic()

    def judge(self, canary: Canary) -> Verdict | None:
        self.watch.sample()
        over = self.host.process.monotonic() - self.started >= canary.step_s
        return judge(self.watch.candidate, self.watch.base, canary, over)


def judge_step(
    host: Host,
    *,
    split: Split,
    canary: Canary,
    last: bool,
    held_by: str | None,
    txn: str,
    version: str,
    effect_name: str,
    redact: Callable[[str], str],
) -> tuple[bool, str]:
    """
    Wait until a step is over. Returns whether an operator sent `promote` (then no further step is needed) and the
    numbers as text. Raises Failure (code 3) when the candidate is aborted: by the numbers, by an operator, or because
    it died. `held_by`: who had sent `hold` to an engine that was killed.
    """
    watch = Watch(host, split.live, split.canary)
    watch.sample()
    started = host.process.monotonic()
    held: CanaryCommand | None = CanaryCommand("hold", "the request") if canary.hold and last else None
    if held_by:
        held = CanaryCommand("hold", held_by)
    recheck: SlownessRecheck | None = None
    published: tuple[object, ...] = ()
    shown, since = "", host.process.now()
    while True:
        command = host.canary_mailbox.take_command(txn)
        if command and command.action == "abort":
            raise _aborted(f"by {command.by}; {watch.candidate}")
        if command:
            # The command also holds for the engine that continues if this one is killed.
            mark = Mark(host.process.now(), CANARY, effect_name, command.action, command.by)
            host.records.append_journal(mark)
        if command and command.action == "promote":
            return True, f"{split.percent} %: promoted by {command.by}; {watch.candidate}"
        held = command or held
        raise_if_dead(host, split.canary, f"in the canary at {split.percent} %", 0, redact)
        watch.sample()
        elapsed = host.process.monotonic() - started
        over = elapsed >= canary.step_s
        late = not held and elapsed >= canary.step_s + canary.wait_s
        # An operator judges a held one, except for errors that chance can't explain.
        verdict = judge(watch.candidate, watch.base, canary, over and not held, late)
        if verdict and verdict.slow and not late:
            recheck = recheck or SlownessRecheck(host, split)
            verdict = recheck.judge(canary)
        if verdict and not verdict.good:
            raise failed(host, split.canary, f"canary at {split.percent} % aborted: {verdict.why}", redact)
        if verdict and over and not held:
            return False, f"{split.percent} %: {verdict.why}"
        if late:
            return False, _too_little_traffic(split, canary, watch, elapsed)
        if held and elapsed >= HOLD_S:
            raise _aborted(f"no operator ended it within {HOLD_S / 86400:g} days; {watch.candidate}")
        state = held.action if held else ("waiting for requests" if over else "watching")
        if state != shown:
            shown, since = state, host.process.now()
        if published != (state, watch.candidate, watch.base):
            published = (state, watch.candidate, watch.base)
            host.canary_mailbox.publish_status(
                {
                    "txn": txn, "version": version, "slot": split.canary, "percent": split.percent, "state": state,
                    "since_s": round(elapsed, 1), "since": rfc3339(since), "by": held.by if held else "",
                    "candidate": str(watch.candidate), "live": str(watch.base),
                }
            )  # fmt: skip
        host.process.pause(min(POLL_S, max(0.01, canary.step_s - elapsed)) if not over else POLL_S)


def _too_little_traffic(split: Split, canary: Canary, watch: Watch, elapsed: float) -> str:
    text = f"{watch.candidate.requests} requests in {elapsed:.0f} s, {canary.min_requests} are required{watch.problem}"
    if canary.on_silence == "promote":
        return f"{split.percent} %: too little traffic to judge ({text}), promoted as configured"
    raise _aborted(f"too little traffic to judge at {split.percent} %: {text}")


def _aborted(why: str) -> Failure:
    return Failure(Code.GATE, f"canary aborted: {why}", HINT)
