# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: per_service
short_description: Repeat a list of files, directories or units for every service
description:
  - In the texts of an entry, C({service}) is the service's name, C({service_id}) the same with underscores for hyphens,
    and C({key}) the entry's own text of that key.
  - Every entry gets C(vars) with the service, for a template that is rendered once for each. Environment, secrets and
    gates are left out, since the output of a verbose run shows the list.
positional: _input, services
options:
  _input:
    description: Entries of one service.
    type: list
    elements: dict
    required: true
  services:
    description: Services, as P(slipway.ops.service_settings#filter) returns them.
    type: list
    elements: dict
    required: true
author: [Slipway (@slipway)]
"""

EXAMPLES = r"""
- name: Start the recovery timer of every service
  ansible.builtin.systemd_service:
    name: "{{ item.name }}"
    enabled: true
    state: started
  loop: "{{ [{'name': 'slipway-recover@{service}.timer'}] | slipway.ops.per_service(release_services) }}"
"""

RETURN = r"""
_value:
  description: The entries, those of the first service first.
  type: list
  elements: dict
"""

from collections.abc import Callable  # noqa: E402
from typing import Any  # noqa: E402

from ansible_collections.slipway.ops.plugins.plugin_utils.services import expanded  # noqa: E402


def per_service(value: list[dict[str, Any]], services: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return expanded(value, services)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"per_service": per_service}
