"""The step `balancer`: clients reach the targets through the load balancer, and it follows them as they come and go.

No release is needed: responders (rehearsal/responder.py) stand in on the port of the target group.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import settings, shell
from .instances import name
from .world import CODE, container

if TYPE_CHECKING:
    from .steps import Rehearsal

HEALTH_S = 90.0  # a few intervals of the health checks
REQUESTS = 20
UNIT = "rehearsal-responder"
TASK = "responder"
# A certificate like any host's: a load balancer does not verify those of its targets.
START = f"""
set -eu
cat > /run/{UNIT}.py
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=target -days 7 \\
  -keyout /run/{UNIT}.key -out /run/{UNIT}.crt 2>/dev/null
cat /run/{UNIT}.crt /run/{UNIT}.key > /run/{UNIT}.pem
systemd-run --quiet --collect --unit={UNIT} python3 /run/{UNIT}.py "$0" 443 /run/{UNIT}.pem
"""


def get(it: Rehearsal, path: str, host: str = "", secure: bool = True) -> tuple[int, str, str]:
    """Status, body and Location of a client on this machine; TLS is verified."""
    host = host or it.infra["domain"]
    context = ssl.create_default_context(cafile=str(it.world.bundle))
    connection = (
        http.client.HTTPSConnection(host, timeout=10, context=context)
        if secure
        else http.client.HTTPConnection(host, timeout=10)
    )
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace"), answer.getheader("Location", "")
    finally:
        connection.close()


def expect(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise shell.Failed(f"{what}: {found!r} instead of {wanted!r}")


def group(it: Rehearsal) -> dict[str, Any]:
    """The target group that the service's targets join: that of the colour blue."""
    groups = it.world.client("elbv2").describe_target_groups()["TargetGroups"]
    (found,) = (g for g in groups if "-blue" in g["TargetGroupName"])
    return dict(found)


def health(it: Rehearsal, arn: str) -> dict[str, str]:
    """Target → state, as the API says."""
    described = it.world.client("elbv2").describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    return {d["Target"]["Id"]: d["TargetHealth"]["State"] for d in described}


def wait_for_health(it: Rehearsal, arn: str, wanted: dict[str, str]) -> None:
    def reached() -> bool:
        if (found := health(it, arn)) != wanted:
            trouble = it.balancers.trouble if it.balancers else ""
            raise shell.Failed(f"{found}{f' ({trouble})' if trouble else ''}")
        return True

    shell.wait_for(f"the health of the targets ({wanted})", reached, HEALTH_S)


def expect_answers_of(it: Rehearsal, names: set[str]) -> None:
    """Twenty requests: all are answered, by all of these targets and by no other."""
    answers = [get(it, "/ready")[:2] for _ in range(REQUESTS)]
    expect("The answers through the load balancer", set(answers), {(200, it) for it in names})


def balancer(it: Rehearsal) -> str:
    """Its name answers over TLS, and clients reach each healthy target and no other."""
    elb = it.world.client("elbv2")
    (own,) = elb.describe_load_balancers()["LoadBalancers"]
    domain = it.infra["domain"]
    shell.wait_for("the load balancer", lambda: get(it, "/", secure=False)[0] == 301)
    for host in (domain, own["DNSName"]):
        status, _, location = get(it, "/a?b=c", host, secure=False)
        expect(f"http://{host}", (status, location), (301, f"https://{host}:443/a?b=c"))
    arn = group(it)["TargetGroupArn"]
    if it.topology == "fleet":
        for key in it.instances:
            stop_responder(key)
    # AWS: without targets 503; unhealthy ones get requests while no other is there, and 502 says that they refuse.
    expect(f"https://{domain} before a release", get(it, "/ready")[0], 502 if health(it, arn) else 503)
    return fleet(it, arn) if it.topology == "fleet" else tasks(it, arn)


def start_responder(key: str) -> None:
    script = Path(__file__).with_name("responder.py").read_text()
    shell.run(["docker", "exec", "--interactive", name(key), "sh", "-c", START, key], input=script)


def stop_responder(key: str) -> None:
    """Also where none runs."""
    shell.run(["docker", "exec", name(key), "systemctl", "stop", UNIT], ok=(0, 5))


def scale(it: Rehearsal, more: int) -> None:
    """The Auto Scaling group to its least size and this many more. Raises Failed where it has no room."""
    scaling = it.world.client("autoscaling")
    (found,) = scaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    count = max(found["MinSize"], 1) + more
    if found["MaxSize"] < count:
        raise shell.Failed(f"The step needs room for {count} hosts: give size.max = {count} in terraform.tfvars.")
    scaling.set_desired_capacity(AutoScalingGroupName=found["AutoScalingGroupName"], DesiredCapacity=count)


def fleet(it: Rehearsal, arn: str) -> str:
    """With one more host of the Auto Scaling group, one stops answering and comes back; then one is taken away."""
    scale(it, 1)
    it.boot()
    hosts = it.instances
    for key in hosts:
        start_responder(key)
    wait_for_health(it, arn, dict.fromkeys(hosts, "healthy"))
    expect_answers_of(it, set(hosts))
    inside = shell.docker("exec", name(hosts[0]), "curl", "-sf", f"https://{it.infra['domain']}/ready")
    expect("The name inside the VPC", inside in hosts, True)
    lost, *others = hosts
    stop_responder(lost)
    wait_for_health(it, arn, {lost: "unhealthy", **dict.fromkeys(others, "healthy")})
    expect_answers_of(it, set(others))
    start_responder(lost)
    wait_for_health(it, arn, dict.fromkeys(hosts, "healthy"))
    expect_answers_of(it, set(hosts))
    scale(it, 0)
    left = it.instances
    wait_for_health(it, arn, dict.fromkeys(left, "healthy"))
    settle(it, lambda: expect_answers_of(it, set(left)))
    for key in left:
        stop_responder(key)
    return f"{len(hosts)} hosts answer, one that stops leaves and returns, {len(left)} after scaling in"


def tasks(it: Rehearsal, arn: str) -> str:
    """A responder stands in for a task that registers and deregisters."""
    elb = it.world.client("elbv2")
    described = group(it)
    vpc = it.network(described["VpcId"])
    address, port = vpc.responder, int(described["Port"])
    shell.docker(
        "run", "--detach", "--init", f"--name={container(TASK)}", f"--label={settings.LABEL}=service",
        f"--network={settings.VPC_NETWORK}", f"--ip={address}",
        f"--volume={settings.ROOT}/rehearsal:{CODE}/rehearsal:ro", it.world.images["cloud"],
        "python3", f"{CODE}/rehearsal/responder.py", TASK, str(port),
    )  # fmt: skip
    target = [{"Id": address, "Port": port}]
    try:
        elb.register_targets(TargetGroupArn=arn, Targets=target)
        wait_for_health(it, arn, {address: "healthy"})
        expect_answers_of(it, {TASK})
        elb.deregister_targets(TargetGroupArn=arn, Targets=target)
        settle(it, lambda: expect("Without a target", get(it, "/ready")[0], 503))
    finally:
        shell.docker("rm", "--force", container(TASK))
    return "503 without a target, a target that registers answers, one that deregisters does not"


def settle(it: Rehearsal, check: Callable[[], None]) -> None:
    """What the API says already, the load balancer follows within seconds."""

    def done() -> bool:
        check()
        return True

    shell.wait_for("the load balancer to follow", done, 30)
