#!/usr/bin/env python3
"""Makes a new host of the fleet into what it should be, and ends its work when Auto Scaling takes it away.

    slipway-converge join     at every boot: run ./converge of the bundle, then tell Auto Scaling CONTINUE (or ABANDON)
    slipway-converge leave    wait until Auto Scaling wants this host gone, stop the edge softly, then tell it CONTINUE

Settings come from /etc/slipway-converge.json (written by user data). Needs python3-boto3, nothing else.
The bundle is a tar archive whose top level holds an executable `converge`; it gets --service and --wanted.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

METADATA = "http://169.254.169.254/latest"
SETTINGS = Path("/etc/slipway-converge.json")
POLL_S = 5
# The launching hook waits for its timeout after the last heartbeat.
HEARTBEAT_S = 60


def metadata(path: str) -> str:
    """One value of the instance metadata service (IMDSv2)."""
    request = urllib.request.Request(
        f"{METADATA}/api/token", method="PUT", headers={"X-aws-ec2-metadata-token-ttl-seconds": "60"}
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        token = answer.read().decode()
    request = urllib.request.Request(f"{METADATA}/meta-data/{path}", headers={"X-aws-ec2-metadata-token": token})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return str(answer.read().decode())


def client(service: str, region: str) -> Any:
    import boto3  # not at the top: tests replace this function

    return boto3.client(service, region_name=region)


def complete(settings: dict[str, Any], hook: str, result: str) -> None:
    """Tell Auto Scaling how a transition ended."""
    client("autoscaling", settings["region"]).complete_lifecycle_action(
        AutoScalingGroupName=settings["group"],
        LifecycleHookName=settings["hooks"][hook],
        InstanceId=metadata("instance-id"),
        LifecycleActionResult=result,
    )


def heartbeat(settings: dict[str, Any]) -> None:
    """Start the launching hook's timeout anew: it began at launch, before the boot and the packages."""
    try:
        client("autoscaling", settings["region"]).record_lifecycle_action_heartbeat(
            AutoScalingGroupName=settings["group"],
            LifecycleHookName=settings["hooks"]["launching"],
            InstanceId=metadata("instance-id"),
        )
    except Exception as error:  # a boot of a host in service has no hook, and a missed heartbeat is not fatal
        print(f"No heartbeat: {error}", file=sys.stderr)


def fetch_bundle(settings: dict[str, Any], into: Path) -> Path:
    """Unpack the bundle below `into`; returns the path of its converge program."""
    bucket, _, key = settings["bundle"].removeprefix("s3://").partition("/")
    archive = into / "bundle.tar.gz"
    client("s3", settings["region"]).download_file(bucket, key, str(archive))
    with tarfile.open(archive) as tar:
        # Debian 12's first Python has no filters; the bundle is from our own bucket either way.
        safely: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        tar.extractall(into / "bundle", **safely)
    program = into / "bundle" / "converge"
    if not program.is_file():
        raise FileNotFoundError(f"the bundle {settings['bundle']} has no file `converge` at its top")
    return program


def converge(settings: dict[str, Any]) -> None:
    """Run the bundle's program, with heartbeats. Raises if it fails, or exceeds settings["timeout"] seconds."""
    with tempfile.TemporaryDirectory(prefix="slipway-") as folder:
        program = fetch_bundle(settings, Path(folder))
        command = [str(program), "--service", settings["service"], "--wanted", settings["wanted"]]
        deadline = time.monotonic() + settings["timeout"]
        with subprocess.Popen(command, cwd=program.parent) as process:
            while True:
                left = deadline - time.monotonic()
                try:
                    code = process.wait(timeout=max(0, min(HEARTBEAT_S, left)))
                    break
                except subprocess.TimeoutExpired:
                    if left <= HEARTBEAT_S:
                        process.kill()
                        raise
                    heartbeat(settings)
        if code != 0:
            raise subprocess.CalledProcessError(code, command)


def join(settings: dict[str, Any]) -> int:
    """0 when the host serves the wanted release; otherwise the host is abandoned and Auto Scaling tries another."""
    code, result = 0, "CONTINUE"
    try:
        converge(settings)
    except Exception as error:  # whatever it was: the group must hear of it, then the log
        code, result = 1, "ABANDON"
        print(f"Failed to converge this host: {error}", file=sys.stderr)
    try:
        complete(settings, "launching", result)
    except Exception as error:
        # A host that boots while it is in service has no hook to complete; one that was too late is terminated.
        print(f"Failed to tell Auto Scaling {result}: {error}", file=sys.stderr)
    return code


def edge() -> str:
    """Process id of the edge's master; "0" when it does not run."""
    done = subprocess.run(
        ["systemctl", "show", "--property=MainPID", "--value", "haproxy"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    return done.stdout.strip() or "0"


def leave(settings: dict[str, Any]) -> int:
    """Returns once the host's work has ended after Auto Scaling asked for it, or after settings["drain"] seconds."""
    while metadata("autoscaling/target-lifecycle-state") != "Terminated":
        time.sleep(POLL_S)
    # The target group has stopped sending; HAProxy ends what is in flight and exits by itself.
    serving = edge()
    subprocess.run(["systemctl", "kill", "--signal=USR1", "--kill-whom=main", "haproxy"], check=False, timeout=30)
    deadline = time.monotonic() + settings["drain"]
    while serving not in ("", "0") and edge() == serving and time.monotonic() < deadline:
        time.sleep(1)
    complete(settings, "terminating", "CONTINUE")
    return 0


def main(arguments: list[str]) -> int:
    if arguments not in (["join"], ["leave"]):
        print("usage: slipway-converge join|leave", file=sys.stderr)
        return 2
    settings = json.loads(SETTINGS.read_text())
    return join(settings) if arguments == ["join"] else leave(settings)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
