#!/usr/bin/env python3
"""Print the release notes of a version, its section of CHANGELOG.md:  tools/release_notes.py v1.4.2 [CHANGELOG]"""

from __future__ import annotations

import re
import sys
from pathlib import Path

# As in plugin_utils/versions.py of the collection; this runs without the virtual environment.
VERSION = re.compile(r"v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?")
CHANGELOG = Path(__file__).resolve().parent.parent / "CHANGELOG.md"


class NoNotes(Exception):
    """The version has no notes; the message has the next step."""


def notes(changelog: str, version: str) -> str:
    """The text below the heading `## <version>`, which may continue after a space. Raises NoNotes."""
    if not VERSION.fullmatch(version):
        raise NoNotes(f"{version!r} is not a version: tag the commit like v1.4.2 or v1.4.2-rc.1")
    sections = re.split(r"^## (.+)\n", changelog, flags=re.MULTILINE)
    found = {title.split()[0]: text.strip() for title, text in zip(sections[1::2], sections[2::2], strict=True)}
    if not found.get(version):
        raise NoNotes(
            f"CHANGELOG.md has no notes of {version}: rename the heading `## Unreleased` to `## {version}`, commit, "
            f"and move the tag to that commit (git tag --force {version})"
        )
    return f"{found[version]}\n"


def main(arguments: list[str]) -> int:
    version, path = [*arguments, "", ""][:2]
    try:
        print(notes((Path(path) if path else CHANGELOG).read_text(), version), end="")
    except (NoNotes, OSError) as error:
        print(f"Failed to read the release notes: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
