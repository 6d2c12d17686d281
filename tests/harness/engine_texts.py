"""What the code of the engine prints, read from its source: texts with holes where they have values."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

ENGINE = Path(__file__).parents[2] / "releasectl" / "src" / "releasectl"
HOLE = "…"
MARKS = ("Fix: ", "then: ", f"then on {HOLE}: ")


def template(node: ast.expr) -> str:
    """A text of the code with holes where it has values; empty if it is none."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else HOLE for part in node.values)  # type: ignore[misc]
    return ""


def fixes() -> set[str]:
    """
    Of every finding, and of what the first line of the status says beside them. A fix that a function makes is written
    as `converge(edge)`, by its constant arguments; one that comes from elsewhere by its name.
    """
    found: set[str] = set()
    for path in sorted(ENGINE.rglob("*.py")):
        tree = ast.parse(path.read_text())
        constants = _assigned(tree.body)
        for function in (it for it in ast.walk(tree) if isinstance(it, ast.FunctionDef)):
            known = {**constants, **_assigned(ast.walk(function))}
            # Of the live map's failures the status takes the hint as the fix.
            kinds = ("Failure", "UnreadableMap") if function.name == "_map" else ("Finding",)
            if path.name == "serving.py":
                found |= set(_marked(function, known))
            for call in (it for it in ast.walk(function) if isinstance(it, ast.Call)):
                if ast.unparse(call.func) in kinds and len(call.args) > 2:
                    found |= set(_texts(call.args[2], known))
    return found


def _assigned(nodes: Iterable[ast.AST]) -> dict[str, list[ast.expr]]:
    found: dict[str, list[ast.expr]] = {}
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, []).append(node.value)
    return found


def _texts(node: ast.expr, known: dict[str, list[ast.expr]]) -> Iterator[str]:
    match node:
        case ast.Name():
            for value in known.get(node.id, []):
                yield from _texts(value, known)
            if node.id not in known:
                yield node.id
        case ast.IfExp():
            yield from (*_texts(node.body, known), *_texts(node.orelse, known))
        case ast.Call():
            words = [str(it.value) for it in node.args if isinstance(it, ast.Constant)]
            yield f"{ast.unparse(node.func)}({', '.join(words)})"
        case _:
            yield from filter(None, [template(node)])


def _marked(tree: ast.FunctionDef, known: dict[str, list[ast.expr]]) -> Iterator[str]:
    """The part of a text after `Fix: ` or `then: `."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant | ast.JoinedStr):
            for mark in (it for it in MARKS if it in template(node)):
                fix = template(node).partition(mark)[2]
                if fix and fix != HOLE:
                    yield fix
                elif isinstance(node, ast.JoinedStr) and isinstance(node.values[-1], ast.FormattedValue):
                    yield from _texts(node.values[-1].value, known)
