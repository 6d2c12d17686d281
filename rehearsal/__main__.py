"""make rehearse ENV=dev: plays a whole environment on this machine, see docs/rehearsal.md.

python -m rehearsal up ENV [--topology TOPOLOGY] [--until STEP]
                                 all steps, or those up to STEP, which leaves the environment alive; with TOPOLOGY
                                 instead of that of terraform.tfvars
python -m rehearsal faults ENV   the steps in which AWS fails (rehearsal/faults.py)
python -m rehearsal down ENV     remove what a rehearsal has left
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from terraform.tools.plan import ENVIRONMENTS, TOPOLOGIES

from . import faults, machine, shell
from .settings import Place
from .steps import STEPS, Rehearsal, Step
from .topologies import NOT_COVERED, UNPLAYED, WITHOUT


@dataclass(frozen=True)
class Result:
    step: str
    seconds: float
    said: str
    failed: bool = False
    uncovered: str = ""  # why the step is not played


def summary(results: Sequence[Result]) -> str:
    """One line for each step, the sum, and what nothing of it shows."""
    width = max(len(r.step) for r in results)
    lines = [f"  {r.step:<{width}} {r.seconds:6.0f} s  {'FAILED' if r.failed else r.said}" for r in results]
    total = sum(r.seconds for r in results)
    lines += [f"  {'all':<{width}} {total:6.0f} s", "", "Not covered (docs/rehearsal.md):"]
    reasons = dict.fromkeys(r.uncovered for r in results if r.uncovered)
    steps = [f"{', '.join(r.step for r in results if r.uncovered == why)}: {why}" for why in reasons]
    return "\n".join([*lines, *(f"  - {it}" for it in [*steps, *NOT_COVERED])])


def play(it: Rehearsal, steps: Sequence[Step]) -> list[Result]:
    """Step by step until one fails."""
    results: list[Result] = []
    for number, (name, step) in enumerate(steps, 1):
        if name in WITHOUT.get(it.topology, ()):
            continue
        if why := UNPLAYED.get(it.topology, {}).get(name):
            print(f"[{number:2d}/{len(steps)}] {name}: not covered, {why}", flush=True)
            results.append(Result(name, 0, "not covered", uncovered=why))
            continue
        it.log = it.place.path / "logs" / f"{number:02d}-{name.replace(' ', '-')}.log"
        it.log.parent.mkdir(parents=True, exist_ok=True)
        it.log.write_text("")
        print(f"[{number:2d}/{len(steps)}] {name} …", flush=True)
        begun = time.monotonic()
        try:
            said = step(it)
        except Exception as error:
            results.append(Result(name, time.monotonic() - begun, str(error), failed=True))
            cause = error if isinstance(error, shell.Failed) else f"{type(error).__name__}: {error}"
            print(f"\n{name} failed: {cause}\nLog: {it.log}\n", flush=True)
            if not isinstance(error, shell.Failed):
                import traceback

                it.note(traceback.format_exc())
            return results
        results.append(Result(name, time.monotonic() - begun, said))
        print(f"        {results[-1].seconds:.0f} s  {said}", flush=True)
    return results


@contextlib.contextmanager
def only_one(place: Place) -> Iterator[None]:
    """Rehearsals share networks and names: one at a time on a machine."""
    place.shared.mkdir(exist_ok=True)
    with (place.shared / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise shell.Failed("Another rehearsal is running on this machine; wait for it, or stop it.") from None
        yield


def until_step(name: str | None) -> Sequence[Step]:
    """The steps up to this one, or all."""
    return STEPS[: [step for step, _ in STEPS].index(name) + 1] if name else STEPS


def up(env: str, steps: Sequence[Step], target: str, topology: str | None = None) -> int:
    """Play the steps. The environment is removed after the last one of all, `destroy`."""
    it = Rehearsal(Place(env), topology)
    with only_one(it.place):
        try:
            results = play(it, steps)
        finally:
            it.stop()
        failed = results[-1].failed
        print(f"\nRehearsal of {env} ({it.topology}): {'failed' if failed else 'ok'}\n{summary(results)}")
        if failed:
            print(f"\nNext: read the log, fix the cause, then run `make {target} ENV={env}` again.")
            print(f"To remove everything: make rehearse-down ENV={env}")
            return 1
        if steps[-1][0] != "destroy":
            print(f"\n{env} is left as it is. To remove it: make rehearse-down ENV={env}")
        else:
            machine.remove(it.place)
    return 0


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="rehearsal", description=(__doc__ or "").split("\n", 1)[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("up", "faults", "down"):
        command = commands.add_parser(name)
        command.add_argument("env", choices=ENVIRONMENTS)
        if name == "up":
            command.add_argument("--topology", choices=TOPOLOGIES)
            command.add_argument("--until", choices=[step for step, _ in STEPS])
    asked = parser.parse_args(arguments)
    # A polite end runs what has to be cleaned up.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if asked.command == "up":
            return up(asked.env, until_step(asked.until), "rehearse", asked.topology)
        if asked.command == "faults":
            return up(asked.env, faults.STEPS, "rehearse-faults")
        place = Place(asked.env)
        with only_one(place):
            machine.remove(place)
    except shell.Failed as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
