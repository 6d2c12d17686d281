"""
The incidents: what the pager says, how each is made on a host of the lab, and the commands of its runbook that fix it.
None is repaired by recovery alone: where it would be, its timers are disabled, as part of the incident.
"""

from __future__ import annotations

from dataclasses import dataclass

from .faults import (
    DOCKER,
    DOCKER_MASKED,
    DOCKER_RULES_FLUSHED,
    HAPROXY_MASKED,
    HAPROXY_WITH_SPOILED_CONFIG,
    HOME,
    HOOK,
    HOOK_NOT_EXECUTABLE,
    NO_SLOT_IS_LIVE,
    OTHER_CERTIFICATE,
    STATE_UNREADABLE,
)

TIMERS = "slipway-recover@inference.timer slipway-watchdog@inference.timer"
# A recovery in flight would enable its timers again.
NO_RECOVERY = (
    f"systemctl disable --quiet --now {TIMERS}; systemctl stop {TIMERS.replace('.timer', '.service')};"
    f" systemctl disable --quiet --now {TIMERS}"
)
WITH_RECOVERY = f"systemctl enable --quiet --now {TIMERS}"
START_RECOVERY = f"host$ sudo systemctl enable --now {TIMERS}"
RECOVER = "host$ sudo releasectl --service inference recover"
# A release like the live one, but for what follows; it names its version, and the digest is on record.
LIKE_LIVE = f"""python3 - > /run/drill.json <<'END'
import json, pathlib
home = pathlib.Path("{HOME}")
live = json.loads((home / "state.json").read_text())["live"]
lines = (home / "releases" / str(live["release"]["id"]) / "app.env").read_text().splitlines()
env = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
env.update(%s)
print(json.dumps({{"version": live["release"]["version"], "env": env, "by": "drill", **%s}}))
END
"""
LIVE_ENV = f"""{HOME}/releases/$(python3 -c 'import json; print(json.load(open("{HOME}/state.json"))["live"]["release"]["id"])')/app.env"""  # noqa: E501


@dataclass(frozen=True)
class Incident:
    pager: str
    """What clients or the pager say; not the cause."""
    page: str
    """The runbook page below docs/runbooks."""
    break_it: str
    """A shell script on the host."""
    undo: str
    """The host as it was, for whoever gives up."""
    commands: tuple[str, ...]
    """The lines of the page that fix it, at most three."""
    fixed: str = "true"
    """A shell script that succeeds once it is fixed, beside a status without troubles."""


INCIDENTS = (
    Incident(
        "503 for every client",
        "maintenance-on.md",
        "releasectl maintenance on --by ops@jump --reason 'disk swap, back at 14:00'",
        "releasectl maintenance off --by ops@jump --force",
        (".venv/bin/fab maintenance off --env $env --host $host --force --reason '…'",),
    ),
    Incident(
        "connection refused on 443",
        "edge-broken.md",
        HAPROXY_WITH_SPOILED_CONFIG.script,
        HAPROXY_WITH_SPOILED_CONFIG.undo,
        (".venv/bin/ansible-playbook -i inventory/$env site.yml --limit $host --tags edge --skip-tags rollout",),
    ),
    Incident(
        "connection refused on 443, and HAProxy does not start",
        "edge-broken.md",
        HAPROXY_MASKED.script,
        HAPROXY_MASKED.undo,
        ("host$ sudo systemctl unmask haproxy && sudo systemctl start haproxy",),
    ),
    Incident(
        "every deploy fails with exit code 8; clients do not complain",
        "docker-broken.md",
        DOCKER_MASKED.script,
        DOCKER_MASKED.undo,
        (f"host$ sudo systemctl unmask {DOCKER} && sudo systemctl start {DOCKER}",),
    ),
    Incident(
        "requests hang or get 5xx; the release has not changed",
        "docker-broken.md",
        f"{NO_RECOVERY}; {DOCKER_RULES_FLUSHED.script}",
        f"{DOCKER_RULES_FLUSHED.undo}; {WITH_RECOVERY}",
        ("host$ sudo systemctl restart docker", START_RECOVERY),
    ),
    Incident(
        "503 for every client, and nobody began a maintenance",
        "edge-broken.md",
        f"{NO_RECOVERY}; {NO_SLOT_IS_LIVE.script}",
        f"{NO_SLOT_IS_LIVE.undo}; {WITH_RECOVERY}",
        ("host$ sudo releasectl recover", START_RECOVERY),
    ),
    Incident(
        "every deploy is refused with exit code 4, and one client of five sees another release",
        "canary.md",
        LIKE_LIVE
        % ('DRILL="canary"', '{"reason": "AB", "canary": {"steps": [20], "step_s": 0, "hold": True}}')
        + "systemd-run --quiet --collect --unit drill-canary releasectl deploy --request /run/drill.json;"
        " for try in $(seq 60); do releasectl status --json | grep -q '\"hold\"' && break; sleep 0.5; done",
        "releasectl canary abort",
        (".venv/bin/fab canary abort --env $env --host $host",),
        "! systemctl is-active --quiet drill-canary",
    ),
    Incident(
        "batches of 50 rows get 422 since a release of last night",
        "bad-release.md",
        LIKE_LIVE % ('MAX_ROWS="10"', '{"reason": "limit"}') + "releasectl deploy --request /run/drill.json",
        "releasectl rollback",
        ("make rollback ENV=$env HOST=$host REASON='error rate doubled'",),
        f"! grep -q MAX_ROWS=10 {LIVE_ENV}",
    ),
    Incident(
        "TLS error: the certificate is not trusted",
        "failed-certificate-renewal.md",
        f"{NO_RECOVERY}; {HOOK_NOT_EXECUTABLE.script}; {OTHER_CERTIFICATE.script}; systemctl reload haproxy",
        f"{HOOK_NOT_EXECUTABLE.undo}; {OTHER_CERTIFICATE.undo}; {WITH_RECOVERY}",
        (
            f"host$ sudo chmod 0755 {HOOK}",
            "host$ sudo releasectl certificate install",
            START_RECOVERY,
        ),
    ),
    Incident(
        "the certificate has less than ten days left",
        "failed-certificate-renewal.md",
        "systemctl mask --now certbot.timer",
        "systemctl unmask certbot.timer; systemctl enable --now certbot.timer",
        ("host$ sudo systemctl unmask certbot.timer && sudo systemctl enable --now certbot.timer",),
    ),
    Incident(
        "a colleague removed files below /var/lib/slipway; clients do not complain",
        "host-rebooted-mid-rollout.md",
        f"{NO_RECOVERY}; {STATE_UNREADABLE.script}",
        f"{STATE_UNREADABLE.undo}; {WITH_RECOVERY}",
        (RECOVER, START_RECOVERY),
    ),
    Incident(
        "a deploy ended with UNREACHABLE, and nobody knows what is live",
        "host-rebooted-mid-rollout.md",
        NO_RECOVERY
        + "; "
        + LIKE_LIVE % ('DRILL="interrupted"', '{"reason": "AB"}')
        + "releasectl deploy --request /run/drill.json & engine=$!;"
        f" while [ ! -s {HOME}/journal ]; do sleep 0.01; done; sleep 0.1; kill -KILL $engine",
        f"releasectl recover; {WITH_RECOVERY}",
        (RECOVER, START_RECOVERY),
        f"[ ! -e {HOME}/journal ]",
    ),
)
