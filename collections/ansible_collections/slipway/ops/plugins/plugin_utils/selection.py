# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt)
"""What selected the hosts of a run, for the message of a run that has none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

# Group of the hosts that an inventory found and left out of the group that it is about; each has the variable
# `left_out_because`.
LEFT_OUT = "left_out"
# Of inventory/local.
LAB_PLACES = "lab_places"


def left_out(variables: Mapping[str, Any]) -> list[str]:
    """A line for each host that was left out. `variables`: of a play."""
    hosts = variables["groups"].get(LEFT_OUT, [])
    return [f"{host} is left out: {variables['hostvars'][host].get('left_out_because', '')}" for host in hosts]


def described(pattern: Iterable[str], groups: Mapping[str, list[str]], options: Mapping[str, Any]) -> str:
    """
    Why nobody was selected. `pattern`: a play's hosts; `groups`: group → hosts of the inventory; `options`: of the
    command line.
    """
    names, limit, sources = list(pattern), options.get("subset"), list(options.get("inventory") or [])
    lines = [f"  hosts: {', '.join(names)}"]
    for name in names:
        if name in groups:
            lines.append(f"  group {name}: {', '.join(groups[name]) or 'no host'}")
    if limit:
        lines.append(f"  --limit {limit} leaves none of them")
        lines += [f"  {host}: {where}" for host in limit.split(",") if (where := _elsewhere(host, groups))]
    lines.append(f"  inventory: {', '.join(sources)}")
    if not limit:
        lines += [f"  {line}" for source in sources for line in queries(Path(source))]
    inventories = " ".join(f"--inventory {source}" for source in sources)
    return "\n".join([*lines, f"List the hosts: ansible-inventory {inventories} --graph"])


def _elsewhere(host: str, groups: Mapping[str, list[str]]) -> str:
    """Where the inventory has a host; the lab has places for more hosts than there are."""
    found = [name for name, hosts in groups.items() if host in hosts and name not in ("all", "ungrouped")]
    places = "; LAB_HOSTS in the environment says how many of those are hosts" if found == [LAB_PLACES] else ""
    return f"only in {', '.join(found)}{places}" if found else ""


def queries(source: Path) -> list[str]:
    """What an inventory asks of AWS, with every value resolved."""
    files = sorted(source.glob("*.aws_ec2.y*ml")) if source.is_dir() else [source]
    return [line for path in files if path.name.endswith((".aws_ec2.yml", ".aws_ec2.yaml")) for line in _query(path)]


def _query(path: Path) -> list[str]:
    loader = DataLoader()
    try:
        wanted = loader.load_from_file(str(path), trusted_as_template=True)
        asked = {key: Templar(loader=loader, variables={}).template(wanted.get(key)) for key in ("regions", "filters")}
    except AnsibleError as error:
        return [f"{path}: {error}"]
    filters = [f"{name}={_listed(value)}" for name, value in (asked["filters"] or {}).items()]
    lines = [f"region: {_listed(asked['regions'] or 'all')}", f"filters: {' '.join(filters)}"]
    return [f"{path}:", *(f"  {line}" for line in lines)]


def _listed(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
