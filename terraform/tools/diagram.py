#!/usr/bin/env python3
"""Write docs/topologies.md: what each topology is made of, drawn from the composition; --check only compares.

Nodes are the modules that terraform/composition calls, edges the outputs that one hands to another. Which modules a
topology has is read from each module's `count` or `for_each`.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from terraform.tools.plan import ROOT, TOPOLOGIES
from terraform.tools.readme import attribute, body
from tools.doc_blocks import update

DOCUMENT = ROOT / "docs" / "topologies.md"
COMPOSITION = ROOT / "terraform" / "composition"
# Modules drawn in the diagram of a topology; the rest is the same everywhere and is listed in the text.
DRAWN = ("host", "fleet", "ecs", "serverless", "load_balancer", "api_gateway", "certificate", "dns", "network", "iam")
LABELS = {
    "host": "host<br>one EC2 instance, its own address",
    "fleet": "fleet<br>Auto Scaling group, private subnets",
    "ecs": "ecs<br>Fargate service, private subnets",
    "serverless": "serverless<br>Lambda, alias live",
    "load_balancer": "load_balancer<br>ALB, WAF, blue and green",
    "api_gateway": "api_gateway<br>throttling, keys",
    "certificate": "certificate<br>ACM",
    "dns": "dns<br>Route 53",
    "network": "network<br>VPC, three tiers",
    "iam": "iam<br>roles",
}
# Arrows that need a switch (domain.dns_challenge).
SWITCHED = {("dns", "iam")}
# How each `count` or `for_each` reads; anything else is a switch and so optional.
WHEN = {
    None: set(TOPOLOGIES),
    "local.balanced": {"fleet", "ecs"},
    "local.fleet": {"fleet"},
    "local.ecs": {"ecs"},
    "local.serverless": {"serverless"},
    'local.single == 1 ? { "${var.service}-1" = 0 } : {}': {"single"},
    "local.api != null && local.single == 0 ? 1 : 0": {"serverless"},
    "local.serverless == 1 && var.domain != null && var.certificate_arn == null ? 1 : 0": {"serverless"},
    "var.domain == null ? 0 : 1": set(TOPOLOGIES),
}
OPTIONAL_API = {"fleet", "ecs"}


@dataclass(frozen=True)
class Call:
    """A module of the composition: where it is part of, and whose outputs it takes."""

    name: str
    topologies: frozenset[str]
    switched: bool
    takes: frozenset[str]


def local_values(text: str) -> dict[str, str]:
    """Locals by name, as written: outputs often travel through one."""
    found: dict[str, str] = {}
    for match in re.finditer(r"^locals {", text, flags=re.MULTILINE):
        block = body(text, match.end() - 1)
        names = re.findall(r"^  (\w+)\s*= ", block, flags=re.MULTILINE)
        found.update({name: attribute(block, name) or "" for name in names})
    return found


def taken(block: str, values: dict[str, str], seen: frozenset[str] = frozenset()) -> set[str]:
    """Modules whose outputs a block uses, by itself or by way of locals."""
    found = set(re.findall(r"\bmodule\.(\w+)", block))
    for name in set(re.findall(r"\blocal\.(\w+)", block)) & values.keys() - seen:
        found |= taken(values[name], values, seen | {name})
    return found


def calls() -> list[Call]:
    text = "\n".join(p.read_text() for p in sorted(COMPOSITION.glob("*.tf")))
    values = local_values(text)
    found = []
    for match in re.finditer(r'^module "(\w+)" {', text, flags=re.MULTILINE):
        block = body(text, match.end() - 1)
        when = attribute(block, "count") or attribute(block, "for_each")
        switched = when not in WHEN
        topologies = WHEN.get(when, set(TOPOLOGIES))
        inputs = re.sub(r"^  (count|for_each)\s*=.*$", "", block, flags=re.MULTILINE)
        takes = taken(inputs, values) - {match[1]}
        found.append(Call(match[1], frozenset(topologies), switched, frozenset(takes)))
    return found


def picture(topology: str, found: list[Call]) -> list[str]:
    here = [c for c in found if topology in c.topologies and c.name in DRAWN]
    names = {c.name for c in here}
    lines = ["```mermaid", "flowchart LR", "  client([clients])"]
    lines += [f'  {c.name}["{LABELS[c.name]}"]' for c in here]
    front = next(n for n in ("api_gateway", "load_balancer", "host") if n in names)
    lines += [f"  client -->|HTTPS| {front}", "  client -.->|name| dns"]
    lines += [
        f"  {source} --> {c.name}"
        for c in here
        for source in sorted(c.takes & names)
        if (source, c.name) not in SWITCHED
    ]
    return [*lines, "```"]


def document(found: list[Call]) -> str:
    lines = [
        "# The topologies",
        "",
        "Drawn from `terraform/composition` by `terraform/tools/diagram.py`; a test compares. An arrow from one",
        "module to another means that the second uses an output of the first.",
    ]
    for topology in TOPOLOGIES:
        lines += ["", f"## {topology}", "", *picture(topology, found)]
        if topology in OPTIONAL_API:
            lines += ["", "With `api` set, `api_gateway` stands in front and the load balancer becomes internal."]
    shared = [c for c in found if c.topologies == set(TOPOLOGIES) and c.name not in DRAWN]
    always = sorted(c.name for c in shared if not c.switched)
    switched = sorted(c.name for c in found if c.switched)
    lines += ["", "## In every topology", "", f"Always: {', '.join(always)}."]
    lines += ["", f"By a switch: {', '.join(switched)}."]
    return "\n".join([*lines, ""])


def main() -> int:
    return update({DOCUMENT: document(calls())}, "terraform/tools/diagram.py")


if __name__ == "__main__":
    sys.exit(main())
