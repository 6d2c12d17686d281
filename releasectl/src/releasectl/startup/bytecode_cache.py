"""The sources kept unpacked on the host, where Python keeps their byte code for its own version beside them."""

from __future__ import annotations

import contextlib
import os

# A process that has run since before an update still imports from the folder of then.
KEEP = 2


def unpack(archive: str, folder: str) -> None:
    """`archive` into `folder`, all or nothing. Best effort: the archive runs as it is, only slower to start."""
    if os.geteuid() != 0:
        return
    import compileall
    import shutil
    import tempfile
    import zipfile

    # Everybody may read it, whatever the caller's umask.
    umask = os.umask(0o022)
    home = os.path.dirname(folder)
    with contextlib.suppress(OSError):
        os.makedirs(home, exist_ok=True)
        scratch = tempfile.mkdtemp(prefix=".", dir=home)
        try:
            with zipfile.ZipFile(archive) as file:
                file.extractall(scratch, [name for name in file.namelist() if name.startswith("releasectl/")])
            # Not left to the commands: a unit may not be allowed to write here.
            compileall.compile_dir(scratch, quiet=2, stripdir=scratch, prependdir=folder)
            os.chmod(scratch, 0o755)
            os.rename(scratch, folder)
        finally:
            # Another command was first, or there is no room.
            shutil.rmtree(scratch, ignore_errors=True)
        for old in sorted(os.scandir(home), key=lambda entry: entry.stat().st_mtime)[:-KEEP]:
            shutil.rmtree(old.path, ignore_errors=True)
    os.umask(umask)
