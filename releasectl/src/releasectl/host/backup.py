"""
The backup of a host: one file with what cannot be made again. The records of its services with their secrets, the
certificate with its key, and the ACME account. Not the journal, the links of the slots and the live map: what is
restored begins with a committed state, and recovery makes the rest.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import tarfile
import time
from collections.abc import Iterator
from typing import Any

from ..documents.codec import read_release, read_state, ref_doc
from ..documents.host_settings import load, read_tls
from ..documents.timestamps import rfc3339
from ..model.errors import Code, Failure
from ..rollout.finding import releasectl
from ..startup.fast_dataclass import dataclass
from . import files
from .paths import Paths

FORMAT = 1
MANIFEST = "manifest.json"
SERVICE = r"[a-z0-9][a-z0-9-]*"
_PART = r"(?!\.\.?/)[\w.:*@+-]+"
NAMES = re.compile(
    rf"var/lib/slipway/(?P<service>{SERVICE})/(state\.json|history\.jsonl|releases/\d+/(release\.json|app\.env|secrets\.env))"
    rf"|etc/letsencrypt/(accounts|archive|live|renewal)/({_PART}/)*(?!\.\.?$)[\w.:*@+-]+"
    r"|etc/haproxy/certs/(?!\.)[\w.*-]+\.pem"
)
"""What a backup may hold, and a restore may write."""
LINK = re.compile(r"\.\./\.\./archive/(?!\.)[\w.*-]+/[\w-]+\.pem")
"""Where a link of etc/letsencrypt/live may lead."""
LETSENCRYPT = ("accounts", "archive", "live", "renewal")
AGAIN_S, TIMES = 0.2, 10


@dataclass(frozen=True)
class Item:
    data: bytes
    mode: int
    link: str = ""
    """Its target, if it is a symbolic link."""


Items = dict[str, Item]


def backup(paths: Paths, target: str) -> dict[str, Any]:
    """
    Write the backup (0600, whole or not at all) and return its manifest. It takes no lock, so that no rollout waits for
    it: an interrupted or running rollout is not in it. Raises Failure: nothing is live, a record cannot be read.
    """
    items = _read_settled(paths)
    manifest = _manifest(items, time.time())
    try:
        temporary = os.path.join(os.path.dirname(target), f".{os.path.basename(target)}.tmp")
        files.write_new(temporary, _pack(manifest, items), 0o600)
        os.replace(temporary, target)
    except OSError as error:
        raise Failure(Code.PREFLIGHT, f"Failed to write {target}: {error.strerror}") from error
    return manifest


def _read_settled(paths: Paths) -> Items:
    """Read twice, a moment apart: what was the same both times was not being changed."""
    before: Items | None = None
    for _ in range(TIMES):
        try:
            now = dict(_read(paths))
        except FileNotFoundError:
            # Removed between two calls: a release that was pruned, a certificate that was renewed.
            now = None
        except OSError as error:
            raise Failure(Code.PREFLIGHT, f"Failed to read {error.filename}: {error.strerror}") from error
        if now is not None and now == before:
            return now
        before = now
        time.sleep(AGAIN_S)
    raise Failure(Code.PREFLIGHT, "the records of this host keep changing", "Run the command again.")


def _read(paths: Paths) -> Iterator[tuple[str, Item]]:
    homes = sorted(os.listdir(paths.homes)) if os.path.isdir(paths.homes) else []
    for service in homes:
        home = paths.home(service)
        if os.path.exists(os.path.join(home, "state.json")):
            yield from _tree(paths, home)
    for name in LETSENCRYPT:
        yield from _tree(paths, os.path.join(paths.letsencrypt, name))
    try:
        served = load(os.path.join(paths.etc, "tls.json"), read_tls).certificate
    except Failure:
        # The certificate of this host is not certbot's.
        return
    if os.path.exists(paths.at(served)):
        yield from _file(paths, paths.at(served))


def _tree(paths: Paths, top: str) -> Iterator[tuple[str, Item]]:
    for directory, _, names in os.walk(top):
        for name in sorted(names):
            yield from _file(paths, os.path.join(directory, name))


def _file(paths: Paths, path: str) -> Iterator[tuple[str, Item]]:
    name = os.path.relpath(path, paths.root)
    if not NAMES.fullmatch(name):
        return
    if os.path.islink(path):
        link = os.readlink(path)
        if LINK.fullmatch(link):
            yield name, Item(b"", 0o777, link)
        return
    with open(path, "rb") as file:
        yield name, Item(file.read(), os.fstat(file.fileno()).st_mode & 0o777)


def services_of(items: Items) -> tuple[str, ...]:
    found = (NAMES.fullmatch(name) for name in items if name.endswith("/state.json"))
    return tuple(sorted(match["service"] for match in found if match and match["service"]))


def _manifest(items: Items, now: float) -> dict[str, Any]:
    """Raises Failure for what could not be restored: a good backup must not be replaced by it."""
    services = {service: _live(items, service) for service in services_of(items)}
    if not services:
        hint = "Deploy first: ansible-playbook site.yml --limit HOST"
        raise Failure(Code.UNKNOWN, "this host has no record of a release yet", hint)
    return {
        "format": FORMAT,
        "created": rfc3339(now),
        "host": os.uname().nodename,
        "services": services,
        "digest": digest(items),
    }


def _live(items: Items, service: str) -> dict[str, Any] | None:
    """The live release; None: nothing is live."""
    home, what = f"var/lib/slipway/{service}", f"state.json of {service}"
    try:
        live = read_state(json.loads(items[f"{home}/state.json"].data)).live
        if live is None:
            return None
        release, what = f"{home}/releases/{live.ref.id}", f"the record of {live.ref}"
        read_release(json.loads(items[f"{release}/release.json"].data), what)
        if not {f"{release}/app.env", f"{release}/secrets.env"} <= items.keys():
            raise KeyError(release)
    except (ValueError, KeyError, Failure) as error:
        raise Failure(Code.PERSON, f"{what} cannot be read ({error})", releasectl(service, "recover")) from error
    return ref_doc(live.ref)


def digest(items: Items) -> str:
    """Of names, modes and contents (hexadecimal): the same as long as nothing changes on the host."""
    found = hashlib.sha256()
    for name, item in sorted(items.items()):
        found.update(f"{name} {item.mode:o} {item.link} {hashlib.sha256(item.data).hexdigest()}\n".encode())
    return found.hexdigest()


def _pack(manifest: dict[str, Any], items: Items) -> bytes:
    buffer = io.BytesIO()
    text = (json.dumps(manifest, indent=1) + "\n").encode()
    with gzip.GzipFile(fileobj=buffer, mode="wb") as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for name, item in ((MANIFEST, Item(text, 0o600)), *sorted(items.items())):
            entry = tarfile.TarInfo(name)
            entry.mode, entry.mtime, entry.size = item.mode, int(time.time()), len(item.data)
            if item.link:
                entry.type, entry.linkname = tarfile.SYMTYPE, item.link
            tar.addfile(entry, io.BytesIO(item.data))
    return buffer.getvalue()


def unpack(path: str) -> tuple[dict[str, Any], Items]:
    """The manifest and the items of a backup. Raises Failure (code 2) unless it is one, unchanged."""
    items: Items = {}
    manifest: Any = None
    try:
        with tarfile.open(path, "r:gz") as tar:
            for entry in tar:
                if entry.name == MANIFEST and manifest is None:
                    manifest = json.loads(_content(tar, entry))
                    if manifest["format"] != FORMAT:
                        raise ValueError(f"format {manifest['format']}, and this releasectl reads format {FORMAT}")
                    continue
                items[entry.name] = _item(tar, entry)
        if digest(items) != manifest["digest"]:
            raise ValueError("its content does not match its digest")
    except (tarfile.TarError, OSError, EOFError, ValueError, KeyError, TypeError) as error:
        cause = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
        raise Failure(Code.USAGE, f"Failed to read the backup {path}: {cause}") from error
    return manifest, items


def _content(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(entry) if entry.isreg() else None
    if file is None:
        raise ValueError(f"{entry.name} is not a regular file")
    return file.read()


def _item(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> Item:
    if not NAMES.fullmatch(entry.name):
        raise ValueError(f"{entry.name!r} is not allowed in a backup")
    if entry.issym():
        if not entry.name.startswith("etc/letsencrypt/live/") or not LINK.fullmatch(entry.linkname):
            raise ValueError(f"{entry.name} has the link target {entry.linkname!r}")
        return Item(b"", 0o777, entry.linkname)
    return Item(_content(tar, entry), entry.mode & 0o777)
