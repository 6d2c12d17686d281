"""The commands a person types, and what can be done to the lab besides: cut, stop, reboot. It knows no code of ours."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import requests

ROOT = Path(__file__).parent.parent.parent
BIN = Path(sys.executable).parent
# The host that these tests work on. Where it is not the first one, LAB_HOSTS has to say that it is there.
HOST = os.environ.get("SLIPWAY_LAB_HOST", "inference-1")
LIMIT = ("--limit", HOST)
NAME = f"{HOST}.slipway.test"
URL = f"https://{NAME}"
CONTAINER = f"slipway-lab-{HOST}"
ROOTS = ROOT / ".lab" / "ca" / "acme-roots.pem"
# The stand-in for AWS, as the AWS SDKs are told of it.
AWS_NAME = "aws.slipway.test"
AWS = {
    "AWS_ENDPOINT_URL": f"https://{AWS_NAME}",
    "AWS_CA_BUNDLE": str(ROOT / ".lab/ca/ca.pem"),
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "lab",
    "AWS_SECRET_ACCESS_KEY": "lab",
}
BACKUPS = "slipway-backups-123456789012"
# A profile of the person's own is of no account here; boto3 would look it up beside these keys.
for _name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
    os.environ.pop(_name, None)
GOLDEN: list[dict[str, Any]] = json.loads((ROOT / "app" / "golden.json").read_text())


@dataclass(frozen=True)
class Done:
    code: int
    out: str

    @property
    def recap(self) -> dict[str, dict[str, int]]:
        """host → the counts of Ansible's recap."""
        lines = re.findall(r"^(\S+)\s+: (ok=.*)$", self.out, re.MULTILINE)
        return {
            host: {key: int(value) for key, value in (pair.split("=") for pair in counts.split())}
            for host, counts in lines
        }


def run(*argv: str, timeout_s: float = 1200, env: dict[str, str] | None = None) -> Done:
    """Run from the root of the tree; stdout and stderr are one, as a person sees them."""
    done = subprocess.run(
        argv, cwd=ROOT, env={**os.environ, **(env or {})}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", timeout=timeout_s,
    )  # fmt: skip
    return Done(done.returncode, done.stdout)


def good(done: Done) -> Done:
    assert done.code == 0, f"exit {done.code}\n{done.out[-6000:]}"
    return done


def make(*words: str, **env: str) -> Done:
    # Not as a part of the make that may run the tests; and in the environment that runs them.
    return run("make", *words, env={"MAKEFLAGS": "", "ENVIRONMENTS_ARE_NEW": "yes", **env})


def play(playbook: str, *arguments: str, timeout_s: float = 600) -> Done:
    return run(str(BIN / "ansible-playbook"), playbook, *arguments, timeout_s=timeout_s)


def build(version: str) -> Done:
    return play("playbooks/build.yml", "-e", f"version={version}", "-e", "build_existing=keep")


def build_faulty(version: str, fault: str) -> Done:
    settings = {
        "version": version,
        "build_existing": "keep",
        "build_context": str(ROOT / "tests/e2e/images/faulty"),
        "build_base_image": "inference:v1.0.0",
        "build_wheels": {},
        "build_args": {"FAULT": fault},
    }
    return play("playbooks/build.yml", "-e", json.dumps(settings))


def build_all(faults: dict[str, str]) -> None:
    """Version → what is wrong with it; "": the service itself. Two at a time: one leaves the machine half idle."""
    with ThreadPoolExecutor(2) as pool:
        for done in pool.map(lambda it: build_faulty(*it) if it[1] else build(it[0]), faults.items()):
            good(done)


def deploy(version: str, *arguments: str) -> Done:
    return play("playbooks/deploy.yml", *LIMIT, "-e", f"version={version}", *arguments)


def remove_host(host: str = HOST) -> None:
    """As a host that is gone, with its disks."""
    run("docker", "rm", "--force", "--volumes", f"slipway-lab-{host}")
    run("docker", "volume", "rm", "--force", f"slipway-lab-{host}-docker")


def forget_backup(host: str = HOST) -> None:
    """A host of this name begins with nothing. Of a lab that does not run there is none."""
    if run("docker", "inspect", "slipway-lab-aws").code == 0:
        aws("s3").delete_object(Bucket=BACKUPS, Key=f"hosts/{host}.slipway.test.tar.gz")


def set_live(version: str) -> None:
    """However the test before left the host."""
    if live_version() == version:
        return
    # By the host alone if it has it recorded, which is quicker.
    if run("docker", "exec", CONTAINER, "releasectl", "deploy", "--version", version).code:
        good(deploy(version))


def start(version: str = "v1.0.0", recorded: str = "") -> None:
    """
    The host, converged, with `version` live and, if named, another version recorded on it. Quick where that is so
    already; a file that runs alone in a lab without a host waits for the whole way.
    """
    if on_host_code("true"):
        good(play("playbooks/lab/up.yml", timeout_s=1800))
    if on_host_code("test", "-e", "/var/lib/slipway/inference/state.json"):
        good(build("v1.0.0"))
        good(play("site.yml", *LIMIT, "-e", "version=v1.0.0"))
    if recorded and recorded not in recorded_versions():
        good(build(recorded))
        good(deploy(recorded))
    set_live(version)


def recorded_versions() -> set[str]:
    read = "import glob, json; print(json.dumps([json.load(open(it))['release']['version'] for it in glob.glob(%r)]))"
    return set(json.loads(on_host("python3", "-c", read % "/var/lib/slipway/inference/releases/*/release.json")))


def only_live_and_standby_run() -> None:
    now = state()
    wanted = sorted(it["release"]["version"] for it in (now["live"], now["standby"]) if it)
    words = ("docker", "ps", "--all", "--filter", "label=slipway.service=inference")
    assert sorted(on_host(*words, "--format", '{{.Label "slipway.version"}}').split()) == wanted


def fab(*words: str) -> Done:
    return run(str(BIN / "fab"), *words, "--host", HOST, timeout_s=180)


def aws(service: str) -> Any:
    """A client (boto3) of the stand-in."""
    keys = (AWS["AWS_ACCESS_KEY_ID"], AWS["AWS_SECRET_ACCESS_KEY"])
    session = boto3.Session(*keys, region_name=AWS["AWS_DEFAULT_REGION"])
    return session.client(service, endpoint_url=AWS["AWS_ENDPOINT_URL"], verify=AWS["AWS_CA_BUNDLE"])


def on_host(*argv: str, check: bool = True, timeout_s: float = 600) -> str:
    """As root on the host, through the engine and not over SSH: also when the network or sshd is what is broken."""
    done = run("docker", "exec", CONTAINER, *argv, timeout_s=timeout_s)
    assert not check or done.code == 0, f"{argv}: exit {done.code}\n{done.out}"
    return done.out


def on_host_code(*argv: str) -> int:
    return run("docker", "exec", CONTAINER, *argv).code


def state() -> dict[str, Any]:
    return dict(json.loads(on_host("cat", "/var/lib/slipway/inference/state.json")))


def live_version() -> str:
    return str(state()["live"]["release"]["version"])


def status() -> dict[str, Any]:
    """Whatever it says: its exit code tells of troubles."""
    return dict(json.loads(on_host("releasectl", "status", "--json", check=False)))


def status_text() -> str:
    return on_host("releasectl", "status", check=False)


def live_map() -> str:
    return on_host("cat", "/var/lib/slipway/inference/live.map")


@contextmanager
def settings(**keys: Any) -> Iterator[None]:
    """Other settings of the engine on the host (service.json) for a while."""
    path = "/etc/slipway/inference/service.json"
    was = on_host("cat", path)
    write(path, json.dumps({**json.loads(was), **keys}))
    try:
        yield
    finally:
        write(path, was)


def write(path: str, text: str) -> None:
    on_host("sh", "-c", f"cat > {path} <<'END'\n{text.rstrip()}\nEND")


def answers() -> dict[str, dict[str, int]]:
    """Slot → class of status (2xx, 5xx) → answers, as the edge's own counters have them."""
    rows = re.findall(
        r'^haproxy_backend_http_responses_total\{proxy="inference_(\w+)",code="(\w+)"\} (\d+)', metrics(8405), re.M
    )
    found: dict[str, dict[str, int]] = {}
    for slot, code, count in rows:
        found.setdefault(slot, {})[code] = int(count)
    return found


def metrics(port: int) -> str:
    """Of the edge, or of a slot's service; on the host's loopback."""
    read = f"import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:{port}/metrics').read().decode())"
    return on_host("python3", "-c", read)


def events(count: int) -> list[dict[str, Any]]:
    return [json.loads(line) for line in on_host("releasectl", "events", "-n", str(count)).splitlines()]


def history() -> list[dict[str, Any]]:
    return history_of("inference")


def history_of(service: str) -> list[dict[str, Any]]:
    words = ("--service", service, "history", "--json", "-n", "100")
    return list(json.loads(on_host("releasectl", *words))["releases"])


def ask(path: str, method: str = "GET", body: Any = None, key: str = "") -> requests.Response:
    """Through the front door, its certificate verified against the authority's root alone. `key`: the API key."""
    headers = {"X-Api-Key": key} if key else {}
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, URL + path, json=body, headers=headers, verify=str(ROOTS), timeout=10)


def asked_as(clients: list[dict[str, str]]) -> list[requests.Response]:
    """What a client with these headers gets for its version, one after the other."""
    answers = []
    with requests.Session() as session:
        session.trust_env = False
        for headers in clients:
            session.cookies.clear()
            answers.append(session.get(f"{URL}/version", headers=headers, verify=str(ROOTS), timeout=10))
    return answers


def predicts_right(goldens: list[dict[str, Any]] = GOLDEN) -> None:
    """The answers of the golden requests, compared here and not by the engine."""
    for golden in goldens:
        answer = ask(golden["path"], golden["method"], golden["body"])
        assert answer.status_code == 200, answer.text
        for got, expected in zip(answer.json()["predictions"], golden["expect"]["predictions"], strict=True):
            assert got["label"] == expected["label"]
            assert abs(got["probability"] - expected["probability"]) <= golden["tolerance"]


def wait_until(what: Callable[[], bool], words: str, within_s: float = 90) -> float:
    """
    Seconds until `what` held; an exception counts as no, also that of an answer which is not whole yet. Raises
    AssertionError after `within_s`: enough for a busy machine and for a recovery to come round, which takes a minute;
    to be given where the time itself is under test.
    """
    begin = time.monotonic()
    last: Exception | None = None
    while time.monotonic() - begin < within_s:
        try:
            if what():
                return time.monotonic() - begin
        except (OSError, AssertionError, subprocess.SubprocessError, LookupError, TypeError, ValueError) as error:
            last = error
        time.sleep(0.25)
    raise AssertionError(f"{words}: not within {within_s:g} s; last: {last}")
