"""Files that matter: a temporary name, fsync, rename, fsync of the directory. No reader ever sees half a file."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

from ..model.errors import Code, Failure

RESERVE_BYTES = 256 * 1024


def read_text(path: str) -> str | None:
    """None when there is no such file. Raises OSError, UnicodeDecodeError."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


def write_atomic(path: str, text: str, mode: int, check: Callable[[str], None] | None = None) -> None:
    """`check` receives the path of the temporary file, which replaces `path` unless it raises."""
    temporary = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.tmp")
    try:
        write_new(temporary, text.encode(), mode)
        if check:
            check(temporary)
        os.replace(temporary, path)
    except BaseException:
        _unlink(temporary)
        raise
    sync_dir(os.path.dirname(path))


def write_new(path: str, data: bytes, mode: int) -> None:
    """In place of what has this name. Synchronized, but not its directory."""
    _unlink(path)
    # O_EXCL: the mode is ours from the first byte, and no symlink is followed.
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        os.fchmod(fd, mode)
        _write_all(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)


def write_new_dir(path: str, files: dict[str, tuple[str, int]]) -> None:
    """A directory with its files {name: (text, mode)}, all or nothing."""
    parent, name = os.path.split(path)
    temporary = os.path.join(parent, f".{name}.tmp")
    remove_tree(temporary)
    os.mkdir(temporary, 0o755)
    for filename, (text, mode) in files.items():
        write_new(os.path.join(temporary, filename), text.encode(), mode)
    sync_dir(temporary)
    remove_dir(path)
    os.rename(temporary, path)
    sync_dir(parent)


def remove_dir(path: str) -> None:
    """Gone from its name at once, then emptied."""
    parent, name = os.path.split(path)
    grave = os.path.join(parent, f".{name}.gone")
    remove_tree(grave)
    try:
        os.rename(path, grave)
    except FileNotFoundError:
        return
    sync_dir(parent)
    remove_tree(grave, must=True)


def remove_tree(path: str, must: bool = False) -> None:
    """`must`: raises OSError when something is left."""
    if os.path.lexists(path):
        # Local import: it imports all compression modules (docs/startup.md).
        import shutil

        shutil.rmtree(path, ignore_errors=not must)


def link_atomic(path: str, target: str) -> None:
    temporary = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.tmp")
    _unlink(temporary)
    os.symlink(target, temporary)
    os.replace(temporary, path)
    sync_dir(os.path.dirname(path))


def remove_file(path: str) -> bool:
    """Whether it existed."""
    existed = _unlink(path)
    if existed:
        sync_dir(os.path.dirname(path))
    return existed


def append_line(path: str, line: str, mode: int, sync: bool = True, cut: bool = False) -> None:
    """
    One line, in one write. A torn last line of an earlier crash is closed first, or cut off (`cut`), never joined with
    ours.
    """
    new = not os.path.exists(path)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, mode)
    try:
        size = os.fstat(fd).st_size
        torn = size > 0 and os.pread(fd, 1, size - 1) != b"\n"
        if torn and cut:
            size = os.pread(fd, size, 0).rfind(b"\n") + 1
            os.ftruncate(fd, size)
            torn = False
        try:
            _write_all(fd, (("\n" if torn else "") + line + "\n").encode("utf-8", "replace"))
        except OSError:
            # A full disk may have taken half of it.
            os.ftruncate(fd, size)
            raise
        if sync:
            os.fsync(fd)
    finally:
        os.close(fd)
    if new and sync:
        sync_dir(os.path.dirname(path))


def sync_dir(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sweep(directory: str) -> None:
    """Remove what a crash left under temporary names. Only under the lock."""
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return
    for name in names:
        if name.startswith(".") and name.endswith((".tmp", ".gone")):
            path = os.path.join(directory, name)
            if os.path.isdir(path) and not os.path.islink(path):
                remove_tree(path)
            else:
                _unlink(path)


class Reserve:
    """Room kept on the disk so that a transaction which meets a full disk can still be undone and recorded."""

    def __init__(self, path: str) -> None:
        self.path = path

    def fill(self) -> None:
        """Raises OSError when even this does not fit."""
        if os.path.exists(self.path):
            return
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(fd, 0, RESERVE_BYTES)
        except OSError:
            _unlink(self.path)
            raise
        finally:
            os.close(fd)

    def guard(self, what: str, write: Callable[[], None]) -> None:
        """Run `write`; when the disk is full, give up the reserve and try once more. Raises Failure (code 8)."""
        try:
            try:
                write()
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT) or not _unlink(self.path):
                    raise
                write()
        except OSError as error:
            raise Failure(
                Code.PREFLIGHT,
                f"Failed to write {what}: {error.strerror or error}",
                "Free space on the disk of /var/lib/slipway (`df -h`, `releasectl prune`).",
            ) from error


def _unlink(path: str) -> bool:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]
