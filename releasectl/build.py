#!/usr/bin/env python3
"""
Build releasectl as one executable file: build.py DESTINATION. The same sources give the same bytes.
Prints whether it changed, and its SHA-256.

The file holds sources only. A host keeps them unpacked, with byte code for its own Python beside them
(src/releasectl/startup/bytecode_cache.py): compiling takes five times as long as the rest of a command's start.
"""

from __future__ import annotations

import hashlib
import io
import sys
import zipfile
from pathlib import Path

SOURCE = Path(__file__).parent / "src"
# Isolated (-I), and without the host's packages (-S): the standard library is all that is needed.
SHEBANG = b"#!/usr/bin/python3 -IS\n"
MAIN = SOURCE / "releasectl" / "startup" / "zipapp_main.py"


def archive() -> bytes:
    sources = {path.relative_to(SOURCE).as_posix(): path.read_bytes() for path in sorted(SOURCE.rglob("*.py"))}
    digest = hashlib.sha256(b"".join(f"{name} {len(it)}\n".encode() + it for name, it in sources.items())).hexdigest()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for name, data in {
            "__main__.py": MAIN.read_bytes().replace(b"@DIGEST@", digest[:16].encode()),
            **sources,
        }.items():
            entry = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            # The first one is read by every command: stored as it is, it needs no zlib.
            entry.compress_type = zipfile.ZIP_STORED if name == "__main__.py" else zipfile.ZIP_DEFLATED
            target.writestr(entry, data)
    return SHEBANG + buffer.getvalue()


def main() -> None:
    destination = Path(sys.argv[1])
    data = archive()
    digest = hashlib.sha256(data).hexdigest()
    if destination.exists() and destination.read_bytes() == data:
        print("unchanged", digest)
        return
    destination.parent.mkdir(parents=True, exist_ok=True)
    temporary = destination.with_suffix(".tmp")
    temporary.write_bytes(data)
    temporary.chmod(0o755)
    temporary.replace(destination)
    print("built", digest)


if __name__ == "__main__":
    main()
