#!/usr/bin/env python3
"""Write the generated blocks of the documentation; --check only compares.

The module map of releasectl comes from docstrings, the plugins of the collection from their DOCUMENTATION, the commands
from the playbooks' first comments, from fabfile.py and from the Makefile. Nothing of them is imported.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tools.doc_blocks import ROOT, cell, replace_block, table, update

ENGINE = ROOT / "releasectl" / "src" / "releasectl"
COLLECTION = ROOT / "collections" / "ansible_collections" / "slipway" / "ops"
# The plugin types that users of the collection see, in the order of the table.
KINDS = ("modules", "filter", "lookup", "callback")
# Options that every task of the fabfile has; the text above the table explains them.
COMMON_OPTIONS = ("env", "host", "service")


def first_sentence(text: str) -> str:
    """Up to the first full stop that ends a sentence of the first paragraph."""
    paragraph = " ".join(text.strip().split("\n\n")[0].split())
    return re.split(r"(?<=\w\w[.?])\s|(?<=[`)][.?])\s", paragraph)[0]


def docstring(path: Path) -> str:
    """The first sentence of a module's docstring. ValueError without one."""
    text = ast.get_docstring(ast.parse(path.read_text()))
    if not text:
        raise ValueError(f"{path.relative_to(ROOT)} has no docstring")
    return first_sentence(text)


def engine_modules() -> str:
    """One row for each package, followed by its modules."""
    rows = []
    for folder in [ENGINE, *sorted(path.parent for path in ENGINE.glob("*/__init__.py"))]:
        name = "" if folder == ENGINE else f"{folder.name}/"
        rows.append([f"**`{name or 'releasectl/'}`**", f"**{cell(docstring(folder / '__init__.py'))}**"])
        modules = [path for path in sorted(folder.glob("*.py")) if not path.stem.startswith("__")]
        rows += [[f"`{name}{path.name}`", cell(docstring(path))] for path in modules]
    return table(["module", "purpose"], rows)


def documentation(path: Path) -> dict[str, Any]:
    """A plugin's DOCUMENTATION, from the file or from the YAML file beside it. ValueError without one."""
    beside = path.with_suffix(".yml")
    if beside.exists():
        return dict(yaml.safe_load(beside.read_text())["DOCUMENTATION"])
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "DOCUMENTATION":
            return dict(yaml.safe_load(ast.literal_eval(node.value)))
    raise ValueError(f"{path.relative_to(ROOT)} has no DOCUMENTATION")


def plugins() -> str:
    rows = []
    for kind in KINDS:
        for path in sorted((COLLECTION / "plugins" / kind).glob("*.py")):
            if not path.stem.startswith("_"):
                rows.append([f"`{path.stem}`", kind.rstrip("s"), cell(documentation(path)["short_description"])])
    return table(["plugin", "type", "purpose"], rows)


def first_comment(path: Path) -> list[str]:
    lines = path.read_text().removeprefix("---\n").splitlines()
    comment = []
    for line in lines:
        if not line.startswith("#"):
            break
        comment.append(line.removeprefix("#").strip())
    return comment


def playbook_row(path: Path) -> list[str]:
    """`What it does: ansible-playbook FILE [options]` becomes the two cells. ValueError without a comment."""
    name = str(path.relative_to(ROOT))
    comment = first_comment(path)
    if not comment:
        raise ValueError(f"{name} does not begin with a comment")
    command = next((line[line.index("ansible-playbook ") :] for line in comment if "ansible-playbook " in line), "")
    purpose = " ".join(comment).split("ansible-playbook ")[0] if command else first_sentence(" ".join(comment))
    command = re.split(r"\.(?: |$)", command)[0] or f"ansible-playbook {name}"
    return [cell(purpose.strip().rstrip(".:")), f"`{cell(command)}`"]


def playbook_files() -> list[Path]:
    """All playbooks; tasks/ and vars/ hold parts of them."""
    folder = ROOT / "playbooks"
    parts = {folder / "tasks", folder / "vars"}
    nested = [path for path in sorted(folder.glob("*/*.yml")) if path.parent not in parts]
    return [ROOT / "site.yml", *sorted(folder.glob("*.yml")), *nested]


def playbooks() -> str:
    return table(["task", "command"], [playbook_row(path) for path in playbook_files()])


def fab_row(function: ast.FunctionDef) -> list[str]:
    arguments = function.args.args[1:]
    required = len(arguments) - len(function.args.defaults)
    words = [it.arg.upper() for it in arguments[:required]]
    for it, default in zip(arguments[required:], function.args.defaults, strict=True):
        flag = f"--{it.arg.replace('_', '-')}"
        switch = isinstance(default, ast.Constant) and isinstance(default.value, bool)
        if it.arg not in COMMON_OPTIONS:
            words.append(f"[{flag}]" if switch else f"[{flag} {it.arg.upper()}]")
    purpose = first_sentence(ast.get_docstring(function) or "").rstrip(".")
    if not purpose:
        raise ValueError(f"fabfile.py: {function.name} has no docstring")
    return [cell(purpose), f"`{' '.join(['fab', function.name, *words])}`"]


def is_task(node: ast.stmt) -> bool:
    names = [it.func if isinstance(it, ast.Call) else it for it in getattr(node, "decorator_list", [])]
    return any(isinstance(it, ast.Name) and it.id == "task" for it in names)


def fab_tasks() -> str:
    tree = ast.parse((ROOT / "fabfile.py").read_text())
    tasks = [node for node in tree.body if isinstance(node, ast.FunctionDef) and is_task(node)]
    return table(["task", "command"], [fab_row(node) for node in tasks])


def make_targets() -> str:
    """`target: … ## What it does [VARIABLE=]` becomes the two cells."""
    found = re.findall(r"^([a-z0-9-]+):.*?## (.+?)(?: (\[.+\]))?$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    rows = [[cell(text), f"`{cell(f'make {name} {options}'.strip())}`"] for name, text, options in found]
    return table(["task", "command"], rows)


def metrics() -> str:
    """Of `releasectl metrics`: what each sample is made of, in its order."""
    tree = ast.parse((ENGINE / "commands" / "metrics.py").read_text())
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            names |= dict(zip(map(ast.unparse, node.targets[0].elts), ast.literal_eval(node.value), strict=True))
    made = [it for it in ast.walk(tree) if isinstance(it, ast.Call) and ast.unparse(it.func) in ("Metric", "_sample")]
    found = [
        (it.lineno, [ast.unparse(word) for word in it.args[:2]]) for it in made if isinstance(it.args[1], ast.Constant)
    ]
    rows = [(names.get(name, name.strip("'")), ast.literal_eval(text)) for _, (name, text) in sorted(found)]
    return table(["metric", "value"], [[f"`{name}`", cell(text)] for name, text in rows])


BLOCKS: dict[str, Callable[[], str]] = {
    "modules of releasectl": engine_modules, "plugins of slipway.ops": plugins,
    "playbooks": playbooks, "fab tasks": fab_tasks, "make targets": make_targets,
    "metrics": metrics,
}  # fmt: skip
PAGES = [
    ROOT / "README.md",
    ROOT / "docs" / "architecture.md",
    ROOT / "docs" / "monitoring.md",
    COLLECTION / "README.md",
]


def filled(page: str) -> str:
    """The page with every block that it marks. ValueError for an unknown block."""
    for name in re.findall(r"<!-- generated: (.+?) -->", page):
        if name not in BLOCKS:
            raise ValueError(f"unknown block {name}; known: {', '.join(BLOCKS)}")
        page = replace_block(page, f"<!-- generated: {name} -->", "<!-- /generated -->", BLOCKS[name]())
    return page


def main() -> int:
    return update({path: filled(path.read_text()) for path in PAGES}, "tools/generate_docs.py")


if __name__ == "__main__":
    sys.exit(main())
