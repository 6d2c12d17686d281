"""The host under test: its engine by its own commands, faults at a place of its way, and what must hold afterwards."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from tests.harness import lab

HERE = Path(__file__).parent / "on_host"
HOME = "/var/lib/slipway/inference"
CONFIG = "/etc/slipway/inference/service.json"
TIMERS = "slipway-recover@inference.timer slipway-watchdog@inference.timer"
METRICS = "slipway-metrics@inference.timer"
# A recovery in flight starts timers that are stopped under it, and so does one that a container's exit starts. So end
# it too, then stop what it started, which may be another one.
RECOVERY = TIMERS.replace(".timer", ".service")
STOP_RECOVERY = f"systemctl stop {TIMERS} {RECOVERY}; systemctl stop {TIMERS} {RECOVERY}"
A, B = "v6.2.0", "v7.2.0"
"""Two versions that are well and start in no time; which is live changes from test to test."""
LOUD = "v6.15.0"
"""As quick as those, and prints 128 KiB at every prediction."""
HELD = "/run/fault.held"
# The tests of faults stop it, so that nothing is repaired unless they ask for it.
# Of the tests: recovery runs only when one asks for it, those of another host cut the registry off for a moment, and a
# fault may be a changed file.
EXPECTED_TROUBLES = (
    "the recovery timer is not active",
    "the watchdog timer is not active",
    "the registry",
    "changed since the converge",
)
HOLD = f"touch {HELD}; for i in $(seq 1200); do [ -e {HELD} ] || break; sleep 0.05; done"
OPTIONS = {"memory": "64m", "stop_timeout_s": 3, "pids": 64}
GATES = {"liveness_path": "/health", "readiness_path": "/ready", "version_path": "/version"}
# Of predictions, as `predictions(**LOAD)`.
LOAD: dict[str, Any] = {"rate": 40, "clients": 4}
_numbers = count(1)
# Before a command: in the sandbox that recovery has as a unit.
SANDBOX = (
    "bash", "-c",
    "mapfile -t found < <(grep -E '^(Capab|Lock|Priv|Prot|Restrict|System)[A-Za-z]*=' $0); [ ${#found[@]} -gt 0 ] &&"
    ' exec systemd-run --quiet --pipe --wait --collect "${found[@]/#/--property=}" -- "$@"',
    "/etc/systemd/system/slipway-recover@.service",
)  # fmt: skip


@dataclass(frozen=True)
class Answer:
    code: int
    doc: dict[str, Any]
    err: str

    @property
    def cause(self) -> str:
        return str(self.doc.get("cause"))


def image(version: str) -> str:
    """By digest, as the registry knows it; this machine pushed it."""
    name = f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/inference:{version}"
    found = lab.good(lab.run("docker", "image", "inspect", "--format", "{{index .RepoDigests 0}}", name)).out
    return found.strip()


def request(version: str, fault: str = "plain", **more: Any) -> dict[str, Any]:
    """A release that this host has never had: its environment has a number of its own."""
    env = {"TRY": str(next(_numbers)), "FAULTY_FAULT": fault}
    named = more.get("image") or image(version)
    doc = {"version": version, "image": named, "env": env, "options": OPTIONS, "gates": GATES, "by": "faults"}
    return {**doc, **more}


def _exec(argv: tuple[str, ...], stdin: str, timeout_s: float = 600) -> Answer:
    done = subprocess.run(
        ("docker", "exec", "--interactive", lab.CONTAINER, *argv),
        input=stdin, capture_output=True, text=True, errors="replace", timeout=timeout_s, check=False,
    )  # fmt: skip
    try:
        doc = json.loads(done.stdout.strip().rpartition("\n")[2] or "{}")
    except ValueError:
        doc = {"said": done.stdout}
    return Answer(done.returncode, doc, done.stderr)


def releasectl(*argv: str, stdin: str = "") -> Answer:
    """As root of the host; `recover` in the sandbox of its unit."""
    return _exec((*(SANDBOX if argv[0] == "recover" else ()), "releasectl", *argv, "--json"), stdin)


def deploy(doc: Mapping[str, Any]) -> Answer:
    return releasectl("deploy", "--request", "-", stdin=json.dumps(doc))


def good(answer: Answer) -> Answer:
    assert answer.code == 0, answer
    return answer


def engine_at(place: str, action: str, doc: Mapping[str, Any] | None, *argv: str) -> Answer:
    """See on_host/at.py. An engine that was killed answers with 137."""
    text = json.dumps(doc) if doc else "-"
    return _exec(("python3", "-", place, action, text, *argv, "--json"), (HERE / "at.py").read_text())


def deploy_at(place: str, action: str, doc: Mapping[str, Any]) -> Answer:
    return engine_at(place, action, doc, "deploy")


def places(doc: Mapping[str, Any] | None, *argv: str) -> list[str]:
    """Every place on the way of a command that goes well, in its order: what the engine itself tells."""
    answer = good(engine_at("", "tell", doc, *argv))
    return [str(place) for place in json.loads(answer.err.strip().rpartition("\n")[2])]


@contextmanager
def held(place: str, doc: Mapping[str, Any] | None, *argv: str) -> Iterator[list[Answer]]:
    """The engine stands still at a place while the block runs; its answer is in the list afterwards."""
    answers: list[Answer] = []
    thread = threading.Thread(target=lambda: answers.append(engine_at(place, HOLD, doc, *argv)), daemon=True)
    thread.start()
    try:
        wait_held(place)
        yield answers
    finally:
        shell(f"rm -f {HELD}", check=False)
        thread.join(90)


def wait_held(place: str) -> None:
    lab.wait_until(lambda: "yes" in shell(f"[ ! -e {HELD} ] || echo yes"), f"the engine is at {place}")


def unexpected_troubles(status: Mapping[str, Any]) -> list[str]:
    return [it for it in status["troubles"] if not it.startswith(EXPECTED_TROUBLES)]


def set_repairs(on: bool) -> None:
    """Whether recovery, which an exit of a container starts as well, also starts timers that are stopped."""
    for name in ("recover", "watchdog"):
        directory = f"/etc/systemd/system/slipway-{name}@.service.d"
        text = "[Service]\\nExecStart=\\nExecStart=/usr/local/bin/releasectl --service %%i recover\\n"
        shell(f"rm -rf {directory}" if on else f"mkdir -p {directory} && printf '{text}' > {directory}/no-repair.conf")
    shell("systemctl daemon-reload")


def shell(script: str, check: bool = True) -> str:
    return lab.on_host("sh", "-c", script, check=check)


def python(script: str, *argv: str) -> None:
    """Run a program of on_host/ there."""
    good(_exec(("python3", "-", *argv), (HERE / script).read_text()))


def look(*commands: str) -> dict[str, Any]:
    """See on_host/snapshot.py; `recover` in the sandbox of its unit."""
    sandbox = SANDBOX if "recover" in commands else ()
    return good(_exec((*sandbox, "python3", "-", *commands), (HERE / "snapshot.py").read_text())).doc


@contextmanager
def configured(**values: Any) -> Iterator[None]:
    """service.json with these keys while the block runs."""
    before = lab.on_host("cat", CONFIG)
    configure(**values)
    try:
        yield
    finally:
        write_config(before)


def forget_record(path: str) -> None:
    """From now on the status does not compare this file with what the last converge left."""
    record = "/var/lib/slipway/converged.json"
    words = "import json, sys; it = json.load(open(sys.argv[1])); it['files'].pop(sys.argv[2], None)"
    lab.on_host("python3", "-c", f"{words}; json.dump(it, open(sys.argv[1], 'w'))", record, path)


def configure(**values: Any) -> None:
    """Set keys of service.json; `deadlines_s` is merged."""
    doc = json.loads(lab.on_host("cat", CONFIG))
    doc["deadlines_s"].update(values.pop("deadlines_s", {}))
    doc.update(values)
    write_config(json.dumps(doc))


def write_config(text: str) -> None:
    shell(f"cat > {CONFIG}.new <<'EOF'\n{text}\nEOF\nmv {CONFIG}.new {CONFIG}")


def other(version: str) -> str:
    return B if version == A else A


def live() -> str:
    return lab.live_version()


def wait_for(version: str) -> None:
    """An engine that nobody listens to makes it live, and ends."""
    lab.wait_until(lambda: live() == version, f"the host makes {version} live by itself")
    lab.wait_until(lambda: releasectl("status").doc["changing"] is None, "its engine has ended")


def recovered(entries: int | None = None, home: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Have the engine recover, twice; the second time has nothing to do. Returns what the host looks like then."""
    return well(entries, home, look("recover", "recover"))


def well(
    entries: int | None = None, home: frozenset[str] = frozenset(), seen: dict[str, Any] | None = None
) -> dict[str, Any]:
    """
    One release is live and healthy, everything that routes names it, history says so, and nothing is left over.
    `entries`: how many lines the history has. `home`: files beside the usual ones that are meant to be there.
    """
    seen = seen or look()
    status = seen["status"]
    live_now, standby = status["live"], status["standby"]
    slot, release = live_now["slot"], live_now["release"]
    slots = {slot: release["id"]} | ({standby["slot"]: standby["release"]["id"]} if standby else {})
    history = seen["history"]
    failed = {entry["release"] for entry in history if entry["outcome"] == "failed"}
    went_live = {entry["release"] for entry in history if entry["outcome"] == "live"}
    kept = {it["id"] for it in (release, standby and standby["release"], status["previous"]) if it}
    last = next(entry for entry in reversed(history) if entry["outcome"] == "live")
    found = {
        "codes of the commands": [it["code"] for it in seen["commands"]],
        "done by a second recovery": [it["done"] for it in seen["commands"][1:] if "done" in it],
        "troubles": unexpected_troubles(status),
        "healthy": status["healthy"],
        "changing": status["changing"],
        "the edge routes to": status["routed"],
        "the map file": seen["map"],
        "what a client gets": lab.ask("/version").json()["version"],
        "links of the slots": seen["links"],
        "containers": seen["containers"],
        "units": sorted(unit for unit, is_ in seen["units"].items() if is_ != "inactive"),
        # What models were fetched outlives every release. The wanted version is that of a deploy by a playbook.
        "files": set(seen["home"]) - {"cache", "exits", "wanted.json"},
        "temporary files": seen["hidden"],
        "in /run/slipway": [name for name in seen["run"] if not name.endswith((".lock", ".fate"))],
        "lines of history": len(history),
        "transactions": len({entry["txn"] for entry in history}),
        "live by the history": (last["release"], last["version"]),
        "failed ones kept": (failed - went_live) & set(seen["releases"]),
        "lost releases": kept - set(seen["releases"]),
    }
    usual = {"history.jsonl", "live.map", "releases", "reserve", "slots", "state.json"}
    wanted = {
        "codes of the commands": [0 for _ in seen["commands"]],
        "done by a second recovery": [[] for it in seen["commands"][1:] if "done" in it],
        "troubles": [],
        "healthy": True,
        "changing": None,
        "the edge routes to": slot,
        "the map file": ["live", slot, *(["standby", standby["slot"]] if standby else [])],
        "what a client gets": release["version"],
        "links of the slots": slots,
        "containers": sorted(f"inference-{name}:running:{number}" for name, number in slots.items()),
        "units": sorted(f"inference@{name}.service" for name in slots),
        "files": usual | home,
        "temporary files": [],
        "in /run/slipway": [],
        "lines of history": len(history) if entries is None else entries,
        "transactions": len(history),
        "live by the history": (release["id"], release["version"]),
        "failed ones kept": set(),
        "lost releases": set(),
    }
    wrong = {key: (found[key], wanted[key]) for key in wanted if found[key] != wanted[key]}
    assert not wrong, f"what is, what should be: {wrong}"
    return seen
