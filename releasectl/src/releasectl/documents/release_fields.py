"""Options and gates ⇄ JSON documents: what a person writes of a release. Decoding raises Failure (code 2)."""

from __future__ import annotations

import re
from typing import Any

from ..model.model import Gates, Golden, Header, Options, SecretVersion
from ..startup.fast_dataclass import asdict
from .fields import Fields, shown

HEADER_NAME = r"[0-9A-Za-z!#$%&'*+.^_`|~-]{1,100}"
HEADER_VALUE = r"[!-~]([ -~]*[!-~])?"
FRAMING = ("connection", "content-length", "expect", "te", "trailer", "transfer-encoding", "upgrade")


def options_doc(options: Options) -> dict[str, Any]:
    doc = {**asdict(options), "tmpfs": list(options.tmpfs)}
    # Keys that are younger than the first engines: a record that does not need them can be read by those, too.
    doc["hosts"] = dict(options.hosts) or None
    return {key: value for key, value in doc.items() if value is not None}


def read_options(fields: Fields) -> Options:
    base = Options()
    fields.only(*asdict(base))
    size, is_size = "a size such as 512m or 2g", r"[1-9][0-9]*[bkmgBKMG]?"
    options = Options(
        memory=fields.text("memory", base.memory, is_size, size),
        cpus=fields.text("cpus", base.cpus, r"[0-9]+(\.[0-9]+)?", 'a decimal number as a string, such as "1.5"'),
        pids=fields.whole("pids", base.pids, low=1),
        container_port=fields.whole("container_port", base.container_port, low=1, high=65535),
        stop_timeout_s=fields.whole("stop_timeout_s", base.stop_timeout_s, high=3600),
        user=fields.text("user", base.user, r"[0-9A-Za-z_][0-9A-Za-z_.-]*(:[0-9A-Za-z_][0-9A-Za-z_.-]*)?", "uid:gid"),
        tmpfs=fields.texts("tmpfs", base.tmpfs),
        cache=_container_path(fields, "cache"),
        ca=_container_path(fields, "ca"),
        hosts=_read_hosts(fields),
        gpus=_optional(fields, "gpus", "all|[1-9][0-9]*", '"all" or a number as a string, such as "1"'),
        gpu_memory=_optional(fields, "gpu_memory", is_size, size),
    )
    for mount in options.tmpfs:
        if not mount.startswith("/"):
            raise fields.bad("tmpfs", f"expected absolute paths such as /tmp:size=64m, got {mount!r}")
    if float(options.cpus) <= 0:
        raise fields.bad("cpus", "must be more than 0")
    if options.cache and not re.fullmatch(r"[1-9][0-9]*:[1-9][0-9]*", options.user):
        # The folder is made on the host, which does not know the names of the image.
        raise fields.bad("user", f"with a cache expected two numbers such as 10001:10001, got {options.user!r}")
    return options


def _optional(fields: Fields, key: str, pattern: str, wanted: str) -> str | None:
    return fields.text(key, pattern=pattern, wanted=wanted) if fields.has(key) else None


def _container_path(fields: Fields, key: str) -> str | None:
    # Docker reads a comma as the beginning of the next key of a mount.
    wanted = "an absolute path in the container, such as /var/cache/models"
    path = _optional(fields, key, r"(/[0-9A-Za-z_][0-9A-Za-z_.-]*)+", wanted)
    if path and any(mount.partition(":")[0] == path for mount in fields.texts("tmpfs", Options().tmpfs)):
        raise fields.bad(key, f"{path} is also in tmpfs")
    return path


def _read_hosts(fields: Fields) -> tuple[tuple[str, str], ...]:
    found = []
    at = Fields(dict(fields.mapping("hosts")), f"{fields.where}.hosts")
    if at.doc:
        # Local import: few releases have any (docs/startup.md).
        from ipaddress import ip_address
    for name in sorted(at.doc):
        if not re.fullmatch(r"[0-9A-Za-z]([0-9A-Za-z.-]*[0-9A-Za-z])?", name):
            raise fields.bad("hosts", f"{name[:60]!r} is no DNS name")
        try:
            address = str(ip_address(at.text(name, wanted="an IP address")))
        except ValueError:
            raise at.bad(name, f"expected an IP address, got {shown(at.doc[name])}") from None
        found.append((name, address))
    return tuple(found)


def gates_doc(gates: Gates) -> dict[str, Any]:
    return _with_headers({**asdict(gates), "golden": [_golden_doc(golden) for golden in gates.golden]}, gates.headers)


def _golden_doc(golden: Golden) -> dict[str, Any]:
    return _with_headers(asdict(golden), golden.headers)


def _with_headers(doc: dict[str, Any], headers: tuple[Header, ...]) -> dict[str, Any]:
    """Without any, a record has no such key: older engines, which do not know it, can read the record."""
    doc.pop("headers")
    named = {it.name: {"secret": it.secret} if it.secret else it.value for it in headers}
    return {**doc, "headers": named} if named else doc


def read_gates(fields: Fields) -> Gates:
    base = Gates()
    fields.only("liveness_path", "readiness_path", "version_path", "golden", "headers")
    url, wanted = r"/[!-~]*", "a path that starts with /"
    return Gates(
        liveness_path=fields.text("liveness_path", base.liveness_path, url, wanted),
        readiness_path=fields.text("readiness_path", base.readiness_path, url, wanted),
        version_path=fields.text("version_path", None, url, wanted) if fields.has("version_path") else None,
        golden=tuple(
            _read_golden(Fields(item, f"{fields.where}.golden[{n}]")) for n, item in enumerate(fields.items("golden"))
        ),
        headers=_read_headers(fields),
    )


def _read_golden(fields: Fields) -> Golden:
    fields.only("name", "method", "path", "body", "status", "expect", "tolerance", "headers")
    return Golden(
        name=fields.text("name", pattern=r".{1,100}", wanted="a short name"),
        path=fields.text("path", pattern=r"/[!-~]*", wanted="a path that starts with /"),
        method=fields.text("method", "POST", r"GET|POST|PUT|PATCH|DELETE", "an HTTP method"),
        body=fields.doc.get("body"),
        status=fields.whole("status", 200, low=100, high=599),
        expect=fields.doc.get("expect"),
        tolerance=fields.number("tolerance", 0.0),
        headers=_read_headers(fields),
    )


def _read_headers(fields: Fields) -> tuple[Header, ...]:
    given = fields.mapping("headers")
    at = Fields(dict(given), f"{fields.where}.headers")
    found: dict[str, Header] = {}
    for name, value in given.items():
        if not re.fullmatch(HEADER_NAME, name):
            raise fields.bad("headers", f"{name[:60]!r} is not a valid header name")
        if name.lower() in FRAMING:
            raise at.bad(name, "is a connection header, which the engine sets itself. Remove it")
        if name.lower() in found:
            raise at.bad(name, "is set twice (header names are case-insensitive)")
        if isinstance(value, dict):
            it = at.child(name)
            it.only("secret")
            header = Header(name, secret=it.text("secret", wanted="the name of one of the release's secrets"))
        elif isinstance(value, str) and re.fullmatch(HEADER_VALUE, value):
            header = Header(name, value)
        else:
            # What was given instead may be a secret that was put in the wrong place.
            raise at.bad(name, 'expected one line of text, or {"secret": NAME} for the value of a secret')
        found[name.lower()] = header
    return tuple(found.values())


def secret_versions_doc(versions: tuple[SecretVersion, ...]) -> dict[str, Any]:
    return {it.name: {"source": it.source, "version": it.version} for it in versions}


def read_secret_versions(fields: Fields) -> tuple[SecretVersion, ...]:
    at = Fields(dict(fields.mapping("secret_versions")), f"{fields.where}.secret_versions")
    found = []
    for name in sorted(at.doc):
        it = at.child(name)
        it.only("source", "version")
        source, version = (it.text(key, pattern=r"[!-~]{1,600}", wanted="one word") for key in ("source", "version"))
        found.append(SecretVersion(name, source, version))
    return tuple(found)
