# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: verbatim
short_description: The text of a variable as it was given
description:
  - Free text on the command line is a template to Ansible. Here it is not evaluated, so braces in it are recorded as
    they are and cannot fail a task.
  - C(-e reason='two words') is split at its spaces by Ansible, which keeps the rest elsewhere. Here the rest is put
    back, with a warning, for quotes and C(name=value) in it are lost.
options:
  _terms:
    description: Names of variables. One that is not defined is an empty text.
    required: true
    type: list
    elements: str
author: [Slipway (@slipway)]
"""

EXAMPLES = r"""
- name: Record a reason
  slipway.ops.rollback:
    reason: "{{ lookup('slipway.ops.verbatim', 'reason') }}"
"""

RETURN = r"""
_raw:
  description: The texts.
  type: list
  elements: str
"""

from typing import Any  # noqa: E402

from ansible.plugins.lookup import LookupBase  # noqa: E402
from ansible.utils.display import Display  # noqa: E402

# Where Ansible's parser of `-e name=value` keeps what has no name.
REST = "_raw_params"


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        given = variables or {}
        return [text_of(name, given) for name in terms]


def text_of(name: str, given: dict[str, Any]) -> str:
    value = given.get(name)
    if value is None:
        return ""
    # Joined: a string without the mark of a template that Ansible has put on what came from the command line.
    text = "".join(str(value))
    if rest := given.get(REST):
        text = f"{text} {''.join(str(rest))}"
        Display().warning(
            f"-e {name}=… was split at its spaces and put together again: '{text}'. "
            "Quotes and name=value in it are lost. "
            f"""Write -e '{{"{name}": "…"}}', or set the environment variable SLIPWAY_{name.upper()}."""
        )
    return text
