"""Tests stand for themselves: what two of them need is in a harness, a helper module or a conftest."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("app/tests", "benchmarks", "releasectl/tests", "terraform/tests", "tests")
FILES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Every part of the names that are imported, and what is imported from them."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    modules = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    names = [alias.name for node in nodes if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names]
    return {part for name in (*modules, *names) for part in name.split(".")}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_imports_a_test(path: Path) -> None:
    tests = {it.stem for it in FILES if it.stem.startswith("test_")}
    assert imported(path) & tests == set()


def test_no_harness_has_a_test() -> None:
    assert [path for path in FILES if "harness" in path.parts and path.stem.startswith("test_")] == []
