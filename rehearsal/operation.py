"""The steps after the first release: verify, roll back, restart the instance, replace it."""

from __future__ import annotations

import json
import shlex
import shutil
import ssl
import sys
import urllib.request
from typing import TYPE_CHECKING

import yaml

from . import inside, run_command, settings, shell
from .instances import name

if TYPE_CHECKING:
    from .steps import Rehearsal

HOST_TESTS_S = 600.0
LINE_S = 600.0
STOP_S = 120.0


def next_patch(version: str) -> str:
    """v1.4.9 → v1.4.10."""
    major, minor, patch = version.split("-")[0].split(".")
    return f"{major}.{minor}.{int(patch) + 1}"


def served_version(it: Rehearsal) -> str:
    """What a client gets at the public name over verified TLS. Raises Failed if nobody answers."""
    url = f"https://{it.infra['domain']}/version"
    context = ssl.create_default_context(cafile=str(it.world.bundle))
    try:
        with urllib.request.urlopen(url, timeout=5, context=context) as answer:
            return str(json.load(answer)["version"])
    except (OSError, ValueError, KeyError) as error:
        raise shell.Failed(f"{url}: {error}") from error


def expect_version(it: Rehearsal, version: str) -> None:
    if (found := served_version(it)) != version:
        raise shell.Failed(f"https://{it.infra['domain']} serves {found} instead of {version}")


def wait_for_version(it: Rehearsal, version: str, deadline_s: float) -> None:
    what = f"https://{it.infra['domain']} to serve {version}"
    shell.wait_for(what, lambda: served_version(it) == version, deadline_s)


def verify(it: Rehearsal) -> str:
    """`make verify`: the tests of tests/host over the environment's inventory."""
    argv = [sys.executable, "-m", "pytest", "tests/host", "--env", it.place.env, "-q"]
    argv += ["--extra-vars", json.dumps(it.switches())]
    out = shell.run(argv, env=it.environment(), cwd=settings.ROOT, deadline_s=HOST_TESTS_S, log=it.log)
    return out.strip().splitlines()[-1].strip("= ")


def lines_of_jobs() -> list[str]:
    """What the jobs of .github/workflows run on an environment when nothing fails: a release, and the drift report."""
    jobs = []
    for job in ("deploy", "drift"):
        content = yaml.safe_load((settings.ROOT / ".github" / "workflows" / f"{job}.yml").read_text())
        jobs += content["jobs"][job]["steps"]
    return [step["run"] for step in jobs if "run" in step and "failure()" not in step.get("if", "")]


def pipeline(it: Rehearsal) -> str:
    """As the jobs of .github/workflows: a key of their own, authorized for two hours, and no other one."""
    folder = it.place.path / "job"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    key = folder / "id_ed25519"
    shell.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)])
    argv = [sys.executable, "tools/authorize_key.py", it.place.env, "--key", f"{key}.pub"]
    argv += ["--terraform", str(it.terraform.folder)]
    rights = it.terraform.env("env") | it.world.role(it.pipeline_role)
    shell.run(argv, env=rights, cwd=settings.ROOT, log=it.log)
    reached = run_command.carry_out(it.world.client("ssm"))
    variables = it.switches() | {"ansible_ssh_private_key_file": str(key)}
    (folder / "variables.json").write_text(json.dumps(variables))
    job = {name: value for name, value in it.environment().items() if name != "SSH_AUTH_SOCK"}
    job |= {"ENVIRONMENT": it.place.env, "VERSION": it.version}
    lines = [line.replace("drift_report=", f"drift_report={folder}/") for line in lines_of_jobs()]
    for line in lines:
        command = f"{line} --extra-vars @{shlex.quote(str(folder / 'variables.json'))}"
        shell.run(["bash", "-e", "-c", command], env=job, cwd=settings.ROOT, deadline_s=LINE_S, log=it.log)
    return f"a key of its own on {', '.join(reached)}; {len(lines)} lines of the workflows, no drift"


def roll_back(it: Rehearsal) -> str:
    """A second version goes live; a rollback brings the first one back."""
    second = next_patch(it.version)
    it.playbook("playbooks/build.yml", version=second, build_existing="keep")
    it.playbook("playbooks/deploy.yml", version=second)
    expect_version(it, second)
    it.playbook("playbooks/rollback.yml", version=it.version)
    expect_version(it, it.version)
    return f"{it.version} → {second} → {it.version}"


def restart(it: Rehearsal) -> str:
    """The instance is stopped and started by the API; the host serves again by itself."""
    assert it.reconciler is not None
    ec2, reconciler = it.world.client("ec2"), it.reconciler
    ec2.stop_instances(InstanceIds=[it.host_id])
    shell.wait_for("the host to stop", lambda: not reconciler.runs(it.host_id), STOP_S)
    ec2.start_instances(InstanceIds=[it.host_id])
    wait_for_version(it, it.version, settings.BOOT_S)
    return f"{it.host_id} serves {it.version} again"


def terminate(it: Rehearsal) -> None:
    """The instance, and wait until its host is gone."""
    assert it.reconciler is not None
    lost, reconciler = it.host_id, it.reconciler
    ec2 = it.world.client("ec2")
    # It is lost, and that asks for no protection.
    ec2.modify_instance_attribute(InstanceId=lost, DisableApiTermination={"Value": False})
    ec2.terminate_instances(InstanceIds=[lost])
    shell.wait_for("the host to go", lambda: not reconciler.runs(lost), STOP_S)


def apply_again(it: Rehearsal, lost: str) -> None:
    """An apply makes another instance in place of the one that was terminated. Raises Failed if it does not."""
    it.terraform.apply(it.log)
    it.refresh()
    if it.host_id == lost:
        raise shell.Failed(f"The apply did not replace {lost}, which was terminated.")


def replace(it: Rehearsal) -> str:
    """The instance is terminated; an apply and a converge bring a new one to the same release and certificate."""
    lost = it.host_id
    inside.back_up(name(lost))
    before = inside.certificate(name(lost))
    terminate(it)
    apply_again(it, lost)
    it.boot()
    it.playbook("site.yml")
    expect_version(it, it.version)
    if (after := inside.certificate(name(it.host_id))) != before:
        raise shell.Failed(
            f"{it.host_id} has another certificate ({after}) than {lost} had ({before}): nothing was restored."
        )
    return f"{it.host_id} serves {it.version} in place of {lost}, with its certificate"
