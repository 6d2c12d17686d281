"""A host's backup on a real disk: all that is needed and no more, private, never of a moment in between; and back."""

from __future__ import annotations

import errno
import gzip
import io
import json
import os
import stat
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from releasectl.host import backup as module
from releasectl.host import files
from releasectl.host.backup import backup, unpack
from releasectl.host.lock import lock_of
from releasectl.host.paths import Paths
from releasectl.host.restore import recorded, restore
from releasectl.host.store import Store
from releasectl.host.surroundings import read_backup
from releasectl.model.errors import Code, Failure
from releasectl.model.model import Maintenance, State
from releasectl.rollout.surrounding_findings import backup_findings
from releasectl.rollout.surroundings import Backup
from releasectl.startup.fast_dataclass import replace

from releasectl import host_commands

from .certificates import NAME, document
from .records import ENTRY, INTENT, RELEASE, SETTINGS, STATE
from .scenarios import SECRET
from .simulated_host import config

LIVE = f"etc/letsencrypt/live/{NAME}"
PEM = f"etc/haproxy/certs/{NAME}.pem"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AGAIN_S", 0)


def put(root: Path, name: str, text: str, mode: int = 0o600) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def host(root: Path) -> Store:
    """A release is live; certbot has renewed its certificate once."""
    store = Store(Paths(str(root)), config())
    store.prepare()
    store.write_release(RELEASE, SETTINGS)
    store.append_history(ENTRY)
    store.link("blue", 1)
    store.write_map("blue")
    store.save_state(STATE)
    put(root, "etc/slipway/tls.json", json.dumps(document()))
    put(root, PEM, "chain and key")
    put(root, f"etc/letsencrypt/renewal/{NAME}.conf", "server = x", 0o644)
    put(root, "etc/letsencrypt/accounts/acme.example.com:14000/dir/9fea/private_key.json", "account")
    for number in (1, 2):
        put(root, f"etc/letsencrypt/archive/{NAME}/privkey{number}.pem", f"key {number}")
    (root / LIVE).mkdir(parents=True)
    (root / LIVE / "privkey.pem").symlink_to(f"../../archive/{NAME}/privkey2.pem")
    return store


@pytest.fixture
def old(tmp_path: Path) -> Path:
    root = tmp_path / "old"
    host(root)
    return root


@pytest.fixture
def new(tmp_path: Path) -> Path:
    root = tmp_path / "new"
    root.mkdir()
    return root


def saved(root: Path) -> str:
    target = str(root.parent / "backup.tar.gz")
    backup(Paths(str(root)), target)
    return target


def content(root: Path) -> dict[str, tuple[str, int]]:
    """Path → text (or target) and mode."""
    found = {}
    for path in sorted(it for it in root.rglob("*") if it.is_symlink() or it.is_file()):
        text = os.readlink(path) if path.is_symlink() else path.read_bytes().decode("latin-1")
        found[str(path.relative_to(root))] = (text, stat.S_IMODE(path.lstat().st_mode))
    return found


def test_a_new_host_gets_what_cannot_be_made_again(old: Path, new: Path) -> None:
    home = "var/lib/slipway/inference"
    Store(Paths(str(old)), config()).begin_journal(INTENT)
    put(old, f"{home}/cache/10001/model.bin", "weights")
    put(old, "etc/letsencrypt/renewal-hooks/deploy/hook", "of the role", 0o755)
    before = content(old)
    said = restore(Paths(str(new)), saved(old))
    after = content(new)
    assert json.loads(after.pop("var/lib/slipway/restored.json")[0]) == said
    after = {path: it for path, it in after.items() if not path.startswith("run/")}
    others = {f"{home}/{name}" for name in ("journal", "live.map", "reserve", "slots/blue", "cache/10001/model.bin")}
    others |= {"etc/letsencrypt/renewal-hooks/deploy/hook", "etc/slipway/tls.json"}
    assert after == {path: it for path, it in before.items() if path not in others}
    store = Store(Paths(str(new)), config())
    assert (store.read().state, store.read().journal, store.releases()) == (STATE, None, {1: RELEASE})
    assert store.settings(1) == SETTINGS and store.history().entries == (ENTRY,)
    assert said["complete"] and said["services"]["inference"]["version"] == "v1.0.0"


def test_keys_and_secrets_are_root_s_alone(old: Path, new: Path) -> None:
    target = saved(old)
    assert stat.S_IMODE(os.stat(target).st_mode) == 0o600
    restore(Paths(str(new)), target)
    for name in ("etc/letsencrypt/archive", "etc/letsencrypt/accounts", "etc/haproxy/certs"):
        assert stat.S_IMODE((new / name).stat().st_mode) == 0o700, name
    assert stat.S_IMODE((new / "etc/haproxy").stat().st_mode) == 0o755
    holding = [it for it in new.rglob("*") if it.is_file() and SECRET.encode() in it.read_bytes()]
    assert [(it.name, stat.S_IMODE(it.stat().st_mode)) for it in holding] == [("secrets.env", 0o600)]


def test_a_backup_waits_for_no_rollout_and_none_for_it(old: Path) -> None:
    with lock_of(Paths(str(old)).lock("inference"), "deploy", "alice", 1)():
        begun = time.monotonic()
        backup(Paths(str(old)), str(old / "file"))
        assert time.monotonic() - begun < 1


def test_what_changes_meanwhile_is_read_again(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, pauses = Store(Paths(str(old)), config()), [2, 1]

    def pause(_: float) -> None:
        if pauses:
            store.save_state(replace(STATE, maintenance=Maintenance(float(pauses.pop()), "alice", "disk")))

    monkeypatch.setattr(time, "sleep", pause)
    manifest, items = unpack(saved(old))
    assert json.loads(items["var/lib/slipway/inference/state.json"].data) == json.loads(
        Path(store.state_path).read_text()
    )
    assert not pauses and manifest["services"]


def test_what_never_rests_is_no_backup(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(Paths(str(old)), config())
    monkeypatch.setattr(time, "sleep", lambda _: store.append_history(ENTRY))
    with pytest.raises(Failure, match="keep changing"):
        backup(Paths(str(old)), str(old / "file"))


def test_the_digest_tells_whether_anything_has_changed(old: Path) -> None:
    first, second = (backup(Paths(str(old)), str(old / name)) for name in ("a", "b"))
    put(old, f"etc/letsencrypt/archive/{NAME}/privkey3.pem", "key 3")
    third = backup(Paths(str(old)), str(old / "c"))
    assert first["digest"] == second["digest"] != third["digest"]


def broken_state(root: Path) -> None:
    (root / "var/lib/slipway/inference/state.json").write_text("{")


def no_record(root: Path) -> None:
    (root / "var/lib/slipway/inference/releases/1/release.json").unlink()


def no_secrets(root: Path) -> None:
    (root / "var/lib/slipway/inference/releases/1/secrets.env").unlink()


def no_state(root: Path) -> None:
    (root / "var/lib/slipway/inference/state.json").unlink()


@pytest.mark.parametrize("spoil", [broken_state, no_record, no_secrets, no_state])
def test_what_could_not_be_restored_replaces_no_good_backup(old: Path, spoil: Callable[[Path], None]) -> None:
    target = saved(old)
    good = Path(target).read_bytes()
    spoil(old)
    with pytest.raises(Failure) as raised:
        backup(Paths(str(old)), target)
    assert raised.value.hint and Path(target).read_bytes() == good


def test_a_host_with_records_is_not_touched_without_force(old: Path, new: Path) -> None:
    target = saved(old)
    host(new).save_state(State())
    Store(Paths(str(new)), config()).begin_journal(INTENT)
    before = content(new)
    with pytest.raises(Failure, match="this host has records of inference") as raised:
        restore(Paths(str(new)), target)
    assert raised.value.code == Code.PREFLIGHT and content(new) == before
    restore(Paths(str(new)), target, force=True)
    found = Store(Paths(str(new)), config()).read()
    assert (found.state, found.journal) == (STATE, None)


def test_a_host_of_other_services_is_not_touched(old: Path, new: Path) -> None:
    put(new, "etc/slipway/scoring/service.json", "{}")
    with pytest.raises(Failure, match="the backup is of inference, and this host is configured for scoring"):
        restore(Paths(str(new)), saved(old))
    put(new, "etc/slipway/inference/service.json", "{}")
    restore(Paths(str(new)), saved(old))


def test_a_rollout_that_runs_is_not_cut_into(old: Path, new: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("releasectl.host.restore.LOCK_S", 0)
    with lock_of(Paths(str(new)).lock("inference"), "deploy", "alice", 1)(), pytest.raises(Failure) as raised:
        restore(Paths(str(new)), saved(old))
    assert raised.value.code == Code.LOCKED


def test_a_full_disk_leaves_nothing(old: Path, new: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = files.write_new

    def full(path: str, data: bytes, mode: int) -> None:
        if path.endswith(".state.json.tmp"):
            raise OSError(errno.ENOSPC, "No space left on device", path)
        write(path, data, mode)

    monkeypatch.setattr(files, "write_new", full)
    with pytest.raises(Failure, match="No space left"):
        restore(Paths(str(new)), saved(old))
    assert not [name for name in content(new) if not name.startswith("run/")]


@pytest.mark.parametrize("at", range(1, 14))
def test_a_restore_that_was_killed_is_repeated(old: Path, new: Path, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    target, paths, calls = saved(old), Paths(str(new)), [0]
    with monkeypatch.context() as patch:
        for name in ("replace", "rename"):
            patch.setattr(os, name, dying(getattr(os, name), calls, at))
        with pytest.raises(KeyboardInterrupt):
            restore(paths, target)
    assert recorded(paths) == ()
    restore(paths, target)
    assert recorded(paths) == ("inference",)
    assert Store(paths, config()).read().state == STATE


def dying(call: Callable[..., None], calls: list[int], at: int) -> Callable[..., None]:
    def counted(*arguments: Any) -> None:
        calls[0] += 1
        if calls[0] == at:
            raise KeyboardInterrupt
        call(*arguments)

    return counted


def packed(target: Path, entries: list[tuple[str, bytes, str]], **manifest: Any) -> str:
    """A backup by hand: (name, content, target of a link)."""
    items = {name: module.Item(data, 0o777 if link else 0o600, link) for name, data, link in entries}
    doc = {"format": 1, "created": "x", "host": "x", "services": {}, "digest": module.digest(items), **manifest}
    with tarfile.open(target, "w:gz") as tar:
        for name, item in {module.MANIFEST: module.Item(json.dumps(doc).encode(), 0o600), **items}.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(item.data), item.mode
            if item.link:
                entry.type, entry.linkname = tarfile.SYMTYPE, item.link
            tar.addfile(entry, io.BytesIO(item.data))
    return str(target)


OUTSIDE = [
    ("etc/cron.d/job", ""), ("/etc/letsencrypt/live/x", ""), ("../etc/letsencrypt/live/x", ""),
    ("etc/letsencrypt/live/../../cron.d/job", ""), ("etc/letsencrypt/live/..", ""), ("etc/letsencrypt/live/a\n", ""),
    ("etc/letsencrypt/renewal-hooks/deploy/x", ""), ("var/lib/slipway/inference/journal", ""),
    ("var/lib/slipway/../x/state.json", ""), ("etc/haproxy/certs/../x.pem", ""), ("etc/haproxy/haproxy.cfg", ""),
    ("etc/letsencrypt/live/x/key.pem", "/etc/shadow"), ("etc/letsencrypt/live/x/key.pem", "../../../shadow"),
    ("var/lib/slipway/inference/state.json", "../../archive/x/key1.pem"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "link"), OUTSIDE)
def test_what_belongs_elsewhere_is_refused_and_nothing_is_written(new: Path, name: str, link: str) -> None:
    good = ("etc/letsencrypt/archive/x/key1.pem", b"key", "")
    source = packed(new.parent / "file", [good, (name, b"" if link else b"x", link)])
    with pytest.raises(Failure, match="Failed to read the backup ") as raised:
        restore(Paths(str(new)), source)
    assert raised.value.code == Code.USAGE and content(new) == {}


def test_links_and_devices_of_tar_are_refused(new: Path) -> None:
    for kind in (tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE):
        source = new.parent / "file"
        with tarfile.open(source, "w:gz") as tar:
            entry = tarfile.TarInfo("etc/letsencrypt/live/x")
            entry.type, entry.linkname = kind, "/etc/shadow"
            tar.addfile(entry)
        with pytest.raises(Failure, match="is not a regular file"):
            unpack(str(source))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: data[: len(data) // 2], "Failed to read the backup "),
        (lambda data: b"no archive", "Failed to read the backup "),
        (lambda data: gzip.compress(b"no archive"), "Failed to read the backup "),
        (lambda data: gzip.compress(gzip.decompress(data).replace(b"key 2", b"key 9")), "does not match its digest"),
        (lambda data: gzip.compress(gzip.decompress(data).replace(b'"format": 1', b'"format": 9')), "reads format 1"),
    ],
    ids=["cut", "text", "gzip", "changed", "format"],
)
def test_what_is_no_whole_backup_is_refused(old: Path, new: Path, change: Callable[[bytes], bytes], said: str) -> None:
    source = Path(saved(old))
    source.write_bytes(change(source.read_bytes()))
    with pytest.raises(Failure, match=said):
        restore(Paths(str(new)), str(source))
    assert content(new) == {}


def test_by_the_command_line(old: Path, new: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = str(new.parent / "file")
    assert host_commands.main(["backup", target], {"SLIPWAY_ROOT": str(old)}) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"format", "created", "host", "services", "digest"}
    assert host_commands.main(["restore", target], {"SLIPWAY_ROOT": str(new)}) == 0
    assert json.loads(capsys.readouterr().out)["complete"] is True
    assert host_commands.main(["restore", target], {"SLIPWAY_ROOT": str(new)}) == Code.PREFLIGHT
    assert "restore --force" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (None, None),
        (Backup(stored=1_000_000 - 86400), None),
        (Backup(stored=1_000_000 - 3 * 86400), "no backup was stored for 3d"),
        (Backup(1_000_000, failing_since=1_000_000 - 3000, cause="timed out"), None),
        (
            Backup(1_000_000, failing_since=1_000_000 - 7300, cause="no access"),
            "the backup has failed for 2h: no access",
        ),
    ],
)
def test_the_status_tells_of_a_backup_that_is_old_or_fails(seen: Backup | None, said: str | None) -> None:
    assert [it.cause for it in backup_findings(seen, 1_000_000)] == ([said] if said else [])


def test_the_result_of_backups_is_read(tmp_path: Path) -> None:
    paths = Paths(str(tmp_path))
    assert read_backup(paths) is None
    put(tmp_path, "etc/slipway/backup.json", "{}")
    os.utime(paths.backup_settings, (5, 5))
    assert read_backup(paths) == Backup(5)
    result = {"stored": "1970-01-01T00:00:07.000Z", "failing_since": "1970-01-01T00:00:09.000Z", "cause": "why"}
    put(tmp_path, "var/lib/slipway/backup.json", json.dumps(result))
    assert read_backup(paths) == Backup(7, 9, "why")
    put(tmp_path, "var/lib/slipway/backup.json", "{")
    assert read_backup(paths) is None
