"""A rehearsal in which AWS fails. Each failure is named with the next command, and a second run finishes the work.

The API throttles, user data fails, the zone is not delegated, the registry denies, and the instance is terminated while
it is converged.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from . import agent, flags, operation, settings, shell, steps
from .steps import Rehearsal, Step
from .world import container

DENIED = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "ecr:*", "Resource": "*"}]}
STARTED_S = 300.0


@contextlib.contextmanager
def switched_on(service: str, flag: Path) -> Iterator[None]:
    shell.docker("exec", container(service), "touch", str(flag))
    try:
        yield
    finally:
        shell.docker("exec", container(service), "rm", str(flag))


def expect_failure(it: Rehearsal, *words: str, **variables: object) -> None:
    """site.yml fails, and its output has each of these words. Raises Failed otherwise."""
    try:
        it.playbook("site.yml", **variables)
    except shell.Failed:
        said = it.log.read_text()
        if missing := [word for word in words if word not in said]:
            raise shell.Failed(f"site.yml does not say {missing}. What it says: {it.log}") from None
        return
    raise shell.Failed(f"site.yml ended well in spite of the fault. Its output: {it.log}")


def explained(it: Rehearsal, command: Sequence[str]) -> str:
    """What the command that connection_help names says. Raises Failed if that is not the next step."""
    try:
        shell.run(command, cwd=settings.ROOT, env=it.environment(), deadline_s=60)
    except shell.Failed as error:
        if "TargetNotConnected" in str(error) and "get-console-output" in str(error):
            return str(error)
        raise
    raise shell.Failed(f"{' '.join(command)} opened a session in spite of the fault.")


def replaced(it: Rehearsal) -> None:
    """The instance is terminated, and an apply makes another one."""
    lost = it.host_id
    operation.terminate(it)
    operation.apply_again(it, lost)


def check_settings(it: Rehearsal) -> str:
    said = steps.check_settings(it)
    if it.topology != "single":
        raise shell.Failed(f'The rehearsal with faults plays topology "single"; terraform.tfvars says "{it.topology}".')
    return said


def throttling(it: Rehearsal) -> str:
    with switched_on("aws", flags.THROTTLED):
        said = steps.apply(it)
        steps.plan_again(it)
    return f"{said} with every third request throttled, no changes"


def user_data(it: Rehearsal) -> str:
    """The agent's package is broken, so nobody reaches the instance; its replacement gets a good one."""
    s3, region = it.world.client("s3"), it.wanted.region
    it.boot()
    agent.publish(s3, region, b"no package")
    replaced(it)
    try:
        it.boot()
    except shell.Failed as error:
        it.note(str(error))
    else:
        raise shell.Failed("cloud-init ended well with a broken package.")
    command = ["tools/ssm_ssh", it.host_id, it.infra["user"], "22", it.wanted.region]
    expect_failure(it, " ".join(command), version=it.version)
    it.note(explained(it, command))
    agent.publish(s3, region, agent.package())
    replaced(it)
    it.boot()
    return f"the console is named; {it.host_id} is a replacement with good user data"


def undelegated_zone(it: Rehearsal) -> str:
    with switched_on("vpc", flags.UNDELEGATED):
        expect_failure(it, it.infra["domain"], "delegat", version=it.version)
    return "site.yml names it, before it asks for a certificate"


def denied_registry(it: Rehearsal) -> str:
    """To the role of the playbooks, which reads the digest and hands the host its credentials."""
    iam, role = it.world.client("iam"), it.pipeline_role.rpartition("/")[2]
    iam.put_role_policy(RoleName=role, PolicyName="denied", PolicyDocument=json.dumps(DENIED))
    try:
        expect_failure(it, "AccessDenied", "lacks the permission", role, version=it.version)
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="denied")
    return "site.yml names it"


def termination(it: Rehearsal) -> str:
    """In the middle of a converge of all roles; another instance is converged from nothing."""
    lost = it.host_id

    def interrupt() -> None:
        shell.wait_for("the converge", lambda: "TASK [docker : " in it.log.read_text(), STARTED_S)
        operation.terminate(it)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        expect_failure(it, "UNREACHABLE", "tools/ssm_ssh", version=it.version, converge_all=True)
    finally:
        thread.join()
    operation.apply_again(it, lost)
    it.boot()
    it.playbook("site.yml", version=it.version)
    operation.expect_version(it, it.version)
    return f"{it.host_id} serves {it.version} in place of {lost}"


STEPS: list[Step] = [
    ("settings", check_settings),
    ("machine", steps.prepare_machine),
    ("account", steps.open_account),
    ("bootstrap", steps.bootstrap),
    ("throttling", throttling),
    ("user data", user_data),
    ("build", steps.build),
    ("zone", undelegated_zone),
    ("registry", denied_registry),
    ("termination", termination),
    ("destroy", steps.destroy),
]
