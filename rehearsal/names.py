"""What Route 53 answers: from hosted zones to the record sets of a question. No packets here (rehearsal/dns.py)."""

from __future__ import annotations

from dataclasses import dataclass

ALIAS_TTL_S = 5
MAX_CHAIN = 8


@dataclass(frozen=True)
class Record:
    """A record set of Route 53; an alias has a target instead of values."""

    name: str
    type: str
    ttl: int
    values: tuple[str, ...]
    alias: str | None = None


@dataclass(frozen=True)
class Zone:
    name: str
    records: tuple[Record, ...]


@dataclass(frozen=True)
class Answer:
    """Record sets in the order of a response, and the response code: NOERROR, NXDOMAIN or SERVFAIL."""

    records: tuple[Record, ...] = ()
    code: str = "NOERROR"


def norm(name: str) -> str:
    """Lower case, with the dot at the end; Route 53 writes * as \\052."""
    return name.lower().rstrip(".").replace("\\052", "*") + "."


def zone_of(name: str, zones: tuple[Zone, ...]) -> Zone | None:
    """The zone with the longest name that the name is in."""
    found = [z for z in zones if name == norm(z.name) or name.endswith("." + norm(z.name))]
    return max(found, key=lambda z: len(z.name), default=None)


def static(name: str, names: dict[str, str]) -> str | None:
    """The address of a played service: by its name, or by a pattern such as *.amazonaws.com."""
    bare = norm(name).rstrip(".")
    if bare in names:
        return names[bare]
    return next((address for it, address in names.items() if it.startswith("*.") and bare.endswith(it[1:])), None)


def lookup(name: str, kind: str, zone: Zone) -> tuple[Record | None, bool]:
    """The record set that answers the question, and whether the name exists."""
    own = [r for r in zone.records if norm(r.name) == name]
    # A name above an existing one exists, too, and hides a wildcard.
    exists = bool(own) or any(norm(r.name).endswith("." + name) for r in zone.records)
    if not exists:
        parts = name.split(".")
        for wildcard in ("*." + ".".join(parts[i:]) for i in range(1, len(parts) - 1)):
            if own := [r for r in zone.records if norm(r.name) == wildcard]:
                exists = True
                break
    exact = next((r for r in own if r.type == kind), None)
    return exact or next((r for r in own if r.type == "CNAME"), None), exists


def resolve(name: str, kind: str, zones: tuple[Zone, ...]) -> Answer | None:
    """The answer of the zone that is responsible, or None where there is none."""
    asked, found = norm(name), list[Record]()
    if zone_of(asked, zones) is None:
        return None
    for _ in range(MAX_CHAIN):
        zone = zone_of(asked, zones)
        if zone is None:
            return Answer(tuple(found))
        record, exists = lookup(asked, kind, zone)
        if record is None:
            return Answer(tuple(found), "NOERROR" if exists or found else "NXDOMAIN")
        if record.alias is not None:
            # Answered under the name that was asked for, as Route 53 does.
            target = resolve(record.alias, kind, zones) or Answer()
            values = next((r.values for r in target.records if r.type == kind), ())
            return Answer((*found, *([Record(asked, kind, ALIAS_TTL_S, values)] if values else [])))
        found.append(Record(asked, record.type, record.ttl, record.values))
        if record.type == kind:
            return Answer(tuple(found))
        asked = norm(record.values[0])
    return Answer(tuple(found), "SERVFAIL")
