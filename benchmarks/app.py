"""Benchmark of the service in app/ against its peers: paired rounds on one machine, medians, and the targets.

    python -m benchmarks.app [--rounds 7] [--seconds 4] [--only service,hello] [--overload 60]
        [--image inference:v1.0.0] [--check]

Each round asks every server in turn, so that a busy spell of the machine hits all of them; a ratio is the median of the
rounds' ratios. The server has one core, the client (wrk) another. The processor time per request is given beside the
rate: it hardly depends on what else the machine does. How busy the machine was with other things is said at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.app_image import DEPENDENCIES_MB, sizes
from benchmarks.app_overload import overload
from benchmarks.app_servers import API_KEY, APP, KINDS, Files, Kind, Server, environment_python
from benchmarks.stolen import STAT, columns

CONNECTIONS = 16
FIRST_PORT = 18600
STARTS = 5
# More than this share of the machine for other work, and the figures are called unsure.
QUIET_SHARE = 0.05


@dataclass
class Figures:
    """One server's rounds: requests/s, p99 in ms, processor µs a request, for single rows and for batches of 100."""

    rates: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    batch_rates: list[float] = field(default_factory=list)
    errors: int = 0
    rss_mb: float = 0.0


@dataclass(frozen=True)
class Target:
    text: str
    value: float
    wanted: float
    at_least: bool = True

    @property
    def met(self) -> bool:
        return self.value >= self.wanted if self.at_least else self.value <= self.wanted


def prepare(scratch: Path) -> Files:
    """Train the model that all of them serve."""
    files = Files(scratch / "model", scratch / "estimator.joblib", scratch)
    python = environment_python((APP / "requirements-train.lock",))
    command = [python, str(APP / "tools" / "train.py"), "--out", str(files.model), "--estimator", str(files.estimator)]
    subprocess.run(command, check=True, timeout=120, stdout=subprocess.DEVNULL)
    return files


def write_script(scratch: Path, kind: Kind, name: str, rows: list[list[float]]) -> Path:
    """A wrk script that posts `rows`."""
    path = scratch / f"{kind.name}-{name}.lua"
    headers = {"content-type": "application/json", "x-api-key": API_KEY}
    lines = ['wrk.method = "POST"', *[f'wrk.headers["{key}"] = "{value}"' for key, value in headers.items()]]
    path.write_text("\n".join([*lines, f"wrk.body = [==[{json.dumps(kind.body(rows))}]==]"]) + "\n")
    return path


def check_answer(server: Server, row: list[float]) -> None:
    """A server that answers wrongly is not worth measuring."""
    body = json.dumps(server.kind.body([row])).encode()
    headers = {"content-type": "application/json", "x-api-key": API_KEY}
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{server.kind.path}", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            text = response.read().decode()
    except urllib.error.HTTPError as error:
        text = f"{error.code} {error.read().decode()}"
    if "0.9995" not in text:
        raise RuntimeError(f"{server.kind.name} does not answer the golden request as expected: {text[:300]}")


def wrk(server: Server, script: Path, seconds: int, core: int) -> tuple[float, float, int, int]:
    """Requests/s, p99 in ms, number of requests, number of errors."""
    url = f"http://127.0.0.1:{server.port}{server.kind.path}"
    command = ["taskset", "--cpu-list", str(core), "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency"]
    run = subprocess.run(
        [*command, "-s", str(script), url], check=True, capture_output=True, text=True, timeout=seconds + 60
    )
    text = run.stdout
    count = re.search(r"(\d+) requests in ([\d.]+)(m?s)", text)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", text)
    if not count or not p99:
        raise RuntimeError(f"wrk said nothing useful about {server.kind.name}:\n{text}{run.stderr}")
    errors = sum(int(number) for number in re.findall(r"(?:connect|read|write|timeout) (\d+)", text))
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    errors += int(refused[1]) if refused else 0
    if errors:
        said = [line.strip() for line in text.splitlines() if "errors" in line or "Non-2xx" in line]
        print(f"{server.kind.name}, {script.stem}: {'; '.join(said)}", file=sys.stderr)
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])  # type: ignore[index]
    return rate, float(p99[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[p99[2]], int(count[1]), errors


def busy_s() -> float:
    """Processor time that the whole machine has used so far."""
    fields = columns(STAT.read_text())
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")


def measure(
    servers: list[Server], files: Files, rows: list[list[float]], options: argparse.Namespace
) -> dict[str, Figures]:
    figures = {server.kind.name: Figures() for server in servers}
    core = options.cores[1]
    for server in servers:
        check_answer(server, rows[0])
        server.pause()
    for number in range(options.rounds + 1):
        for server in servers:
            mine = figures[server.kind.name]
            server.resume()
            for name, wanted in (("one", rows[:1]), ("batch", rows)):
                if name == "batch" and server.kind.name == "hello":
                    continue
                script = write_script(files.scratch, server.kind, name, wanted)
                before = server.cpu_s()
                rate, p99, count, errors = wrk(server, script, options.seconds if number else 1, core)
                mine.errors += errors
                if number == 0:
                    # The first round only warms up.
                    continue
                if name == "batch":
                    mine.batch_rates.append(rate)
                    continue
                mine.rates.append(rate)
                mine.p99_ms.append(p99)
                mine.cpu_us.append((server.cpu_s() - before) / max(count, 1) * 1e6)
            mine.rss_mb = server.rss_mb()
            server.pause()
        print(f"round {number} of {options.rounds}", file=sys.stderr)
    return figures


def ratio(ours: list[float], theirs: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def targets(figures: dict[str, Figures], start_s: float) -> list[Target]:
    service = figures["service"]
    result = [
        Target(f"× {name}, single rows", ratio(service.rates, peer.rates), 10)
        for name, peer in figures.items()
        if name not in ("service", "hello")
    ]
    if "hello" in figures:
        result.append(Target("× the bare hello", ratio(service.rates, figures["hello"].rates), 0.6))
    if "fastapi" in figures:
        result.append(
            Target("× fastapi, batches of 100", ratio(service.batch_rates, figures["fastapi"].batch_rates), 4)
        )
    return [
        *result,
        Target("errors", service.errors, 0, at_least=False),
        Target("p99 in ms", statistics.median(service.p99_ms), 6, at_least=False),
        Target("resident MB", service.rss_mb, 90, at_least=False),
        Target("start to ready in s", start_s, 0.6, at_least=False),
    ]


def report(figures: dict[str, Figures], wanted: list[Target], other_share: float) -> str:
    lines = ["| server | requests/s | p99 ms | CPU µs/request | batches of 100/s | resident MB | errors |",
             "|---|---|---|---|---|---|---|"]  # fmt: skip
    for name, figure in figures.items():
        batch = f"{statistics.median(figure.batch_rates):,.0f}" if figure.batch_rates else "–"
        lines.append(
            f"| {name} | {statistics.median(figure.rates):,.0f} | {statistics.median(figure.p99_ms):.1f} "
            f"| {statistics.median(figure.cpu_us):.0f} | {batch} | {figure.rss_mb:.0f} | {figure.errors} |"
        )
    lines += ["", "| target | measured | wanted | |", "|---|---|---|---|"]
    for target in wanted:
        sign = "≥" if target.at_least else "≤"
        met = "met" if target.met else "MISSED"
        lines.append(f"| {target.text} | {target.value:.2f} | {sign} {target.wanted:g} | {met} |")
    quiet = "quiet" if other_share <= QUIET_SHARE else "NOT quiet: repeat on a quiet machine"
    lines += ["", f"Other work took {other_share:.0%} of the machine meanwhile ({quiet})."]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=4, help="of one measurement")
    parser.add_argument("--only", default=",".join(kind.name for kind in KINDS), help="servers, by name")
    parser.add_argument("--overload", type=int, default=0, metavar="S", help="also overload the service for S seconds")
    parser.add_argument("--image", metavar="TAG", help="also say how large this image of the service is")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--check", action="store_true", help="exit 1 when a target is missed")
    options = parser.parse_args()
    missing = [tool for tool in ("wrk", "taskset") if not shutil.which(tool)]
    options.cores = sorted(os.sched_getaffinity(0))[:2]
    if missing or len(options.cores) < 2:
        what = (
            f"{' and '.join(missing)} (apt-get install wrk util-linux)" if missing else "a second core for the client"
        )
        print(f"The benchmark needs {what}", file=sys.stderr)
        return 2
    # The probes of the overload run in this process: they share the client's core, never the server's.
    os.sched_setaffinity(0, {options.cores[1]})
    only = options.only.split(",")
    kinds = [kind for kind in KINDS if kind.name in only]
    golden = json.loads((APP / "golden.json").read_text())
    rows = golden[0]["body"]["instances"] * 100
    servers: list[Server] = []
    with tempfile.TemporaryDirectory() as scratch:
        try:
            files = prepare(Path(scratch))
            starts = []
            for _ in range(STARTS):
                probe = Server(KINDS[0], FIRST_PORT + 99, files, options.cores[0])
                starts.append(probe.start_s)
                probe.stop()
            for number, kind in enumerate(kinds):
                servers.append(Server(kind, FIRST_PORT + number, files, options.cores[0]))
            machine, wall = busy_s(), os.times().elapsed
            own = sum(server.cpu_s() for server in servers)
            children = os.times()
            figures = measure(servers, files, rows, options)
            times = os.times()
            spent = sum(server.cpu_s() for server in servers) - own
            spent += times.children_user + times.children_system - children.children_user - children.children_system
            spent += times.user + times.system - children.user - children.system
            other = max(0.0, busy_s() - machine - spent) / ((times.elapsed - wall) * (os.cpu_count() or 1))
            wanted = targets(figures, statistics.median(starts)) if "service" in figures else []
            if options.overload:
                servers[0].resume()
                script = write_script(files.scratch, servers[0].kind, "batch", rows)
                found = overload(servers[0], script, rows, options.overload, options.cores[1])
                wanted += [Target(*each) for each in found]
        finally:
            for server in servers:
                server.stop()
    if options.image:
        whole_mb, dependencies_mb = sizes(options.image)
        print(f"{options.image}: {whole_mb:.0f} MB with its base")
        wanted.append(Target("dependencies in the image, MB", dependencies_mb, DEPENDENCIES_MB, at_least=False))
    print(report(figures, wanted, other))
    if options.json:
        values = {name: vars(figure) for name, figure in figures.items()}
        options.json.write_text(json.dumps({"figures": values, "other_share": other}, indent=1) + "\n")
    return 1 if options.check and not all(target.met for target in wanted) else 0


if __name__ == "__main__":
    sys.exit(main())
