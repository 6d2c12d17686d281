"""The engine's packages: each imports only those below it, so that it is known where new code goes."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "releasectl"
# From top to bottom. Those of the first line are the modules that put the packages together.
LAYERS = (
    ("cli", "host_commands", "adapter", "around", "arguments"),
    ("slot", "commands", "edge"),
    ("host",),
    ("rollout",),
    ("documents",),
    ("model",),
    ("startup",),
)
LEVEL = {name: number for number, names in enumerate(LAYERS) for name in names}
# Neither is a driver: `adapter` hands them the host.
FORBIDDEN = {("commands", "host"), ("commands", "edge")}
# The zipapp's main program stands beside the package.
OUTSIDE = {"__main__.py", "__init__.py", "startup/zipapp_main.py"}


def imports(path: Path) -> set[str]:
    """The first part below releasectl of all that `path` imports of it."""
    package = ("releasectl", *path.relative_to(SOURCE).parts[:-1])
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = (*base, *(node.module or "").split(".")) if node.module else base
            if module[:1] == ("releasectl",):
                found |= {module[1]} if len(module) > 1 else {alias.name for alias in node.names}
    return found


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_go_downwards(path: Path) -> None:
    name = str(path.relative_to(SOURCE))
    if name in OUTSIDE:
        return
    own = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    for other in imports(path) - {own, "__version__"}:
        # Siblings of the package that drives the slot and the one that drives HAProxy do not know each other either.
        assert LEVEL[other] > LEVEL[own] or (own, other) in {
            ("cli", "adapter"),
            ("cli", "around"),
            ("cli", "arguments"),
            ("cli", "host_commands"),
            ("host_commands", "adapter"),
            ("host_commands", "arguments"),
        }, f"{name} imports {other}"
        assert (own, other) not in FORBIDDEN, f"{name} imports {other}"
