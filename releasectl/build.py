#!/usr/bin/env python3
"""
Build releasectl as one executable file: build.py DESTINATION. The same sources and Python give the same bytes.
Prints whether it changed, and its SHA-256.

The archive carries the compiled modules beside the sources: a host with the same Python version starts several times
quicker, any other falls back to the sources (zipimport checks the magic number).
"""

from __future__ import annotations

import hashlib
import io
import py_compile
import sys
import tempfile
import zipfile
from pathlib import Path

SOURCE = Path(__file__).parent / "src"
SHEBANG = b"#!/usr/bin/python3 -I\n"
MAIN = "import sys\nfrom releasectl.cli import main\nsys.exit(main())\n"


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target, tempfile.TemporaryDirectory() as scratch:

        def add(name: str, data: bytes) -> None:
            entry = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            target.writestr(entry, data)

        add("__main__.py", MAIN.encode())
        for path in sorted(SOURCE.rglob("*.py")):
            name = path.relative_to(SOURCE).as_posix()
            add(name, path.read_bytes())
            compiled = Path(scratch) / "module.pyc"
            py_compile.compile(
                str(path), str(compiled), dfile=f"releasectl/{name}", doraise=True,
                invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
            )  # fmt: skip
            add(f"{name}c", compiled.read_bytes())
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
