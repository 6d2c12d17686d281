"""The status of a host as text: first whether clients are served, then what is live, then what is wrong.

The table that `fab status` shows of several hosts: tools/status_table.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..documents.timestamps import age, parse
from ..model.model import State
from ..rollout.finding import releasectl
from .maintenance import describe


def status_text(doc: dict[str, Any], state: State, now: float, troubles: Sequence[str]) -> str:
    """`troubles`: those of the document that the first line does not tell."""
    lines = [_serving_line(doc), *_release_lines(doc, now)]
    if state.maintenance and doc["serving"] is not False:
        ends = releasectl(doc["service"], "maintenance off")
        lines.append(f"  MAINTENANCE  {describe(state.maintenance)}; `{ends}` ends it")
    if it := doc["failover"]:
        lines.append(f"  FAILOVER  {it['release']['version']} on {it['slot']} answers: {it['cause']}")
    if it := doc["restarted"]:
        lines.append(f"  restarted {age(it['seconds'])} ago: the container {it['cause']}")
    if standby := doc["standby"]:
        lines.append(f"  standby   {standby['release']['version']} on {standby['slot']} until {standby['until']}")
    if ends := doc["checks"]["certificate_ends"]:
        lines.append(f"  certificate  expires in {(parse(ends) - now) / 86400:.0f} days")
    if doc["rollback"]:
        lines.append(f"  rollback  {doc['rollback']}")
    why = f": {doc['reason']}" if doc["reason"] else ""
    if doc["changing"]:
        lines.append(f"  running   {doc['changing']}{why}")
    if doc["canary"]:
        lines.append(f"  canary    {canary_line(doc['service'], doc['canary'], now, doc['reason'])}")
    if it := doc["last_failure"]:
        since = age(now - parse(it["ended"]))
        lines.append(f"  last failure  {it['kind']} of {it['version']} {since} ago by {it['by']}: {it['cause']}")
    lines += [f"  TROUBLE   {problem}" for problem in troubles]
    lines += [f"  notice    {notice}" for notice in doc["notices"]]
    return "\n".join(lines) + "\n"


def _serving_line(doc: dict[str, Any]) -> str:
    service, cause = doc["service"], doc["serving_cause"]
    if doc["serving"] is None:
        return f"{service}  serving is unknown: {cause}"
    if not doc["serving"]:
        return f"{service}  NOT SERVING: {cause}"
    client, live = doc["client"], doc["live"]
    version = client["version"] or (live["release"]["version"] if live else "the service")
    if not client["status"]:
        return f"{service}  serving: {version}, but {client['problem']}"
    return (
        f"{service}  serving: {version} answered {client['request']} with {client['status']} in {client['ms']:.0f} ms"
    )


def _release_lines(doc: dict[str, Any], now: float) -> list[str]:
    live = doc["live"]
    if live is None:
        return ["  release   nothing is live"]
    release, health = live["release"], "healthy" if doc["healthy"] else "NOT HEALTHY"
    since = age(now - parse(live["since"]))
    lines = [
        f"  release   {release['version']} live on {live['slot']}, {health}, for {since} (by {live['via']})",
        f"  image     {release['image']}",
    ]
    return lines + ([f"  model     {release['model_version']}"] if release["model_version"] else [])


def canary_line(service: str, doc: dict[str, Any], now: float, reason: str = "") -> str:
    # An engine of an older version tells neither `since` nor `by`.
    seconds = now - parse(doc["since"]) if "since" in doc else doc["since_s"]
    by = f" by {doc['by']}" if doc.get("by") else ""
    ends = f"; end it by `{releasectl(service, 'canary promote')}` or `abort`" if doc["state"] == "hold" else ""
    why = f"; reason: {reason}" if reason else ""
    return (
        f"{doc['version']} on {doc['slot']} gets {doc['percent']} %, {doc['state']}{by} for {age(seconds)}; "
        f"candidate: {doc['candidate']}; live: {doc['live']}{why}{ends}"
    )
