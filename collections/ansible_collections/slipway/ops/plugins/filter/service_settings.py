# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: service_settings
short_description: Merge the settings of every service over those of a role, and the inputs of a run over both
description:
  - A value that is set at one level stays, unless a stronger level sets the same value. Dictionaries merge key by key,
    lists and all else are replaced.
  - From the weakest to the strongest, these are O(layers) in their order, the service itself, O(inputs).
positional: _input
options:
  _input:
    description: Services, as P(slipway.ops.services#filter) returns them.
    type: list
    elements: dict
    required: true
  layers:
    description: Settings for all services, the weakest first. Keys as of a service.
    type: list
    elements: dict
    required: true
  inputs:
    description:
      - Inputs of a playbook (M(slipway.ops.playbook_inputs)), for the service that C(service) names. Read are
        C(version), C(model), C(strategy), C(steps), C(step_s) and C(hold). One that is null is not set.
    type: dict
    default: {}
author: [Slipway (@slipway)]
"""

EXAMPLES = r"""
- name: Merge what the role, the environment, each service and this run set
  ansible.builtin.set_fact:
    release_settings: >-
      {{ services | slipway.ops.services(default_service)
         | slipway.ops.service_settings(layers=[role_defaults, {'canary': release_canary}],
                                        inputs={'service': 'inference', 'steps': [10, 50]}) }}
"""

RETURN = r"""
_value:
  description: The services, each with all its settings, and C(front_door), by its first domain unless it is set.
  type: list
  elements: dict
"""

from collections.abc import Callable  # noqa: E402
from typing import Any  # noqa: E402

from ansible.errors import AnsibleFilterError  # noqa: E402
from ansible_collections.slipway.ops.plugins.plugin_utils.services import ServicesError, merged  # noqa: E402


def service_settings(
    value: list[dict[str, Any]], layers: list[dict[str, Any]], inputs: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    try:
        return merged(value, layers, inputs)
    except ServicesError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"service_settings": service_settings}
