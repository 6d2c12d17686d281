"""Pure: what is wrong with what surrounds the service (surroundings.py), and the commands that fix it."""

from __future__ import annotations

from collections.abc import Mapping

from ..documents.timestamps import age
from .capacity import Memory
from .finding import CERTIFICATE, DOCKER, EDGE, HOST, Finding, releasectl
from .surroundings import (
    CERTBOT,
    CLOCK,
    CONTAINERD,
    DOCKERD,
    HAPROXY,
    SHOWN_FILES,
    SOCKET,
    Backup,
    Certificates,
    Changed,
    DiskRoom,
    Surroundings,
    Unit,
    own_timers,
)

# certbot renews in the last third of a certificate's life, so one with less than a sixth left was not renewed.
LIFE_LEFT = 1 / 6
LOW_MEMORY_MB = 64
LOW_ROOM_MB, LOW_FILES = 64, 1000
# One that fails is tried again every few minutes.
BACKUP_FAILS_S, BACKUP_OLD_S = 3600, 2 * 86400


def converge(host: str, tags: str = "") -> str:
    """`host`: as in the inventory; empty: unknown, so the operator has to fill it in. `tags`: empty: all roles."""
    return f"ansible-playbook site.yml --limit {host or 'HOST'}{f' --tags {tags}' if tags else ''} --skip-tags rollout"


def unit_findings(seen: Surroundings, service: str) -> tuple[Finding, ...]:
    units = seen.units
    found = [*_docker(units), *_haproxy(seen)]
    timer, watchdog = own_timers(service)
    if (it := units.get(timer)) and it.rests:
        found.append(Finding(HOST, f"the recovery timer is {it.state}: nothing is repaired", _enable(it, timer)))
    if (it := units.get(watchdog)) and it.rests:
        cause = f"the watchdog timer is {it.state}: nothing starts a stopped recovery timer again"
        found.append(Finding(HOST, cause, _enable(it, watchdog)))
    if (it := units.get(CERTBOT)) and it.exists and not it.up:
        cause = f"certbot.timer is {it.state}: the certificate is not renewed"
        found.append(Finding(HOST, cause, _enable(it, CERTBOT)))
    if (it := units.get(CLOCK)) and it.exists and not it.up:
        cause = f"systemd-timesyncd.service is {it.state}: nothing sets the clock"
        found.append(Finding(HOST, cause, _enable(it, CLOCK)))
    if seen.clock_synchronized is False and (it := units.get(CLOCK)) and it.active == "active":
        found.append(Finding(HOST, "the clock is not synchronized", f"sudo systemctl restart {CLOCK}"))
    # The causes above name the timers of recovery otherwise.
    named = {timer, watchdog, *" ".join(it.cause for it in found).split()}
    found += [
        Finding(
            HOST, f"{name} is masked", f"sudo systemctl unmask{' --runtime' if 'runtime' in it.enabled else ''} {name}"
        )
        for name, it in units.items()
        if it.masked and name not in named
    ]
    return tuple(found)


def _docker(units: Mapping[str, Unit]) -> list[Finding]:
    masked = [name for name in (SOCKET, DOCKERD, CONTAINERD) if name in units and units[name].masked]
    if masked:
        names = " ".join(name.removesuffix(".service") for name in masked)
        cause = f"{masked[0]} is masked" if len(masked) == 1 else f"{' and '.join(masked)} are masked"
        return [Finding(DOCKER, cause, f"sudo systemctl unmask {names} && sudo systemctl start {names}")]
    docker = units.get(DOCKERD)
    if docker and docker.exists and not docker.up:
        return [Finding(DOCKER, f"docker.service is {docker.state}", f"sudo systemctl start {SOCKET} {DOCKERD}")]
    return []


def _haproxy(seen: Surroundings) -> list[Finding]:
    unit = seen.units.get(HAPROXY)
    if unit and unit.masked:
        fix = "sudo systemctl unmask haproxy && sudo systemctl start haproxy"
        return [Finding(EDGE, "haproxy.service is masked", fix)]
    if unit and unit.exists and not unit.up and not seen.edge_error:
        return [Finding(EDGE, f"haproxy.service is {unit.state}", "sudo systemctl restart haproxy")]
    return []


def _enable(unit: Unit, name: str) -> str:
    unmask = f"sudo systemctl unmask {name} && " if unit.masked else ""
    return f"{unmask}sudo systemctl enable --now {name}"


def drift_findings(changed: Changed | None, now: float, host: str) -> tuple[Finding, ...]:
    if not changed or not changed.files:
        return ()
    shown = ", ".join(it.describe(now) for it in changed.files[:SHOWN_FILES])
    more = len(changed.files) - SHOWN_FILES
    files = f"{shown} and {more} more" if more > 0 else shown
    cause = f"changed since the converge {age(now - changed.converged)} ago by {changed.by}: {files}"
    return (Finding(HOST, cause, converge(host)),)


def edge_findings(seen: Surroundings, host: str) -> tuple[Finding, ...]:
    return (Finding(EDGE, seen.edge_error, converge(host, "edge")),) if seen.edge_error else ()


def registry_findings(seen: Surroundings) -> tuple[Finding, ...]:
    if not seen.registry_error:
        return ()
    fix = "check the network and the DNS of this host (resolvectl status). What is live is served without it"
    return (Finding(HOST, f"{seen.registry_error}: no new image can be pulled", fix),)


def store_findings(seen: Surroundings) -> tuple[Finding, ...]:
    if not seen.store_error:
        return ()
    fix = "check the network and the DNS of this host (resolvectl status). What is live has its model already"
    return (Finding(HOST, f"{seen.store_error}: no new model can be fetched", fix),)


def certificate_findings(it: Certificates | None, now: float, host: str) -> tuple[Finding, ...]:
    if it is None:
        return ()
    found: list[Finding] = []
    if it.hook_runs is False:
        fix = f"sudo chmod 0755 {it.hook} && sudo releasectl certificate install"
        found.append(Finding(CERTIFICATE, f"certbot's hook {it.hook} is not executable", fix))
    served, disk, certbots = it.served, it.on_disk, it.certbots
    at = it.served_at.rpartition(":")[2]
    if served and certbots and served.serial != certbots.serial:
        kind = "a self-signed certificate" if served.self_signed else "a different certificate than certbot has"
        found.append(
            Finding(
                CERTIFICATE,
                f"port {at} serves {kind} (serial {served.serial}); certbot has serial {certbots.serial}",
                "sudo releasectl certificate install",
            )
        )
    elif disk and certbots and disk.serial != certbots.serial:
        # Before the next one: a reload would serve the wrong file.
        found.append(
            Finding(
                CERTIFICATE,
                f"{it.path} has serial {disk.serial}; certbot has serial {certbots.serial}",
                "sudo releasectl certificate install",
            )
        )
    elif served and disk and served.serial != disk.serial:
        found.append(
            Finding(
                CERTIFICATE,
                f"port {at} serves serial {served.serial}; {it.path} has serial {disk.serial}",
                "sudo systemctl reload haproxy",
            )
        )
    if served and not found and served.ends - now < (served.ends - served.begins) * LIFE_LEFT:
        days = (served.ends - now) / 86400
        when = f"expires in {days:.1f} days" if days > 0 else f"expired {-days:.1f} days ago"
        fix = converge(host, "tls") if not certbots else "sudo systemctl start certbot && sudo journalctl -u certbot"
        found.append(Finding(CERTIFICATE, f"the certificate on port {at} {when} (serial {served.serial})", fix))
    return tuple(found)


def backup_findings(it: Backup | None, now: float) -> tuple[Finding, ...]:
    if it is None:
        return ()
    fix = "sudo systemctl start slipway-backup; sudo journalctl -u slipway-backup -n 20 --no-pager"
    if it.failing_since is not None and now - it.failing_since > BACKUP_FAILS_S:
        return (Finding(HOST, f"the backup has failed for {age(now - it.failing_since)}: {it.cause}", fix),)
    if now - it.stored > BACKUP_OLD_S:
        return (Finding(HOST, f"no backup was stored for {age(now - it.stored)}", fix),)
    return ()


def records_room_findings(it: DiskRoom | None) -> tuple[Finding, ...]:
    if it is None:
        return ()
    if it.free_mb < LOW_ROOM_MB:
        left = f"{it.free_mb} MB"
    elif it.free_files is not None and it.free_files < LOW_FILES:
        left = f"{it.free_files} inodes"
    else:
        return ()
    cause = f"{left} free on the disk of {it.path}: records of rollouts cannot be written"
    return (Finding(HOST, cause, "see what takes them: sudo du --one-file-system --max-depth 2 -h / | sort -h | tail"),)


def room_findings(service: str, free_mb: int | None, min_free_mb: int, memory: Memory | None) -> tuple[Finding, ...]:
    found = []
    if free_mb is not None and free_mb < min_free_mb:
        cause = f"{free_mb} MB free on Docker's disk: below {min_free_mb} MB every deploy is refused"
        found.append(Finding(HOST, cause, f"{releasectl(service, 'prune')}; docker system df"))
    if memory and memory.available_mb < LOW_MEMORY_MB:
        cause = f"{memory.available_mb} MB of {memory.total_mb} MB memory are available"
        found.append(Finding(HOST, cause, "see which process has it: ps aux --sort=-rss | head"))
    return tuple(found)
