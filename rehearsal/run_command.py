"""Systems Manager's Run Command: what was sent to the instances' agents, carried out in their hosts.

moto keeps a command and reports success at once; it has no agents.
"""

from __future__ import annotations

import json
import re
from typing import Any

from . import inside, shell
from .instances import name


def rendered(document: dict[str, Any], given: dict[str, list[str]]) -> str:
    """The script of a document of type Command with these parameters. Raises Failed if one does not fit its pattern."""
    script = "\n".join(line for step in document["mainSteps"] for line in step["inputs"]["runCommand"])
    for parameter, rule in document["parameters"].items():
        (value,) = given[parameter]
        if not re.fullmatch(rule["allowedPattern"], value):
            raise shell.Failed(f"Run Command refuses {parameter}={value}: its pattern is {rule['allowedPattern']}")
        script = script.replace("{{ " + parameter + " }}", value)
    return script


def carry_out(ssm: Any) -> list[str]:
    """Every command that was sent, on its instances; the ids of these."""
    reached: set[str] = set()
    for command in ssm.list_commands()["Commands"]:
        document = json.loads(ssm.get_document(Name=command["DocumentName"])["Content"])
        script = rendered(document, command["Parameters"])
        for instance in command["InstanceIds"]:
            if not inside.agent_is_up(name(instance)):
                raise shell.Failed(f"The agent of {instance} is not connected: Run Command does not reach it.")
            shell.run(["docker", "exec", "--interactive", name(instance), "sh"], input=script)
            reached.add(instance)
    return sorted(reached)
