# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: services
short_description: Validate the services of an inventory and derive their values
description:
  - Takes the dictionary C(services) (name → domains, slots, version, and what is the service's own) and returns a list
    with every service, the default one first.
  - Fails on an unknown key, a value of the wrong type, and a port or a domain that two services have. The message has
    the path of the value and the closest known key.
positional: _input, default_service
options:
  _input:
    description:
      - Name → C(domains) and C(slots) (both required), C(version), and whatever differs from the settings of role
        C(release), such as C(repository), C(env), C(secrets), C(model), C(gates), C(options), C(canary), C(strategy),
        C(standby_s). A value of C(secrets) is a text or a reference, as M(slipway.ops.secret_info) has it.
    type: dict
    required: true
  default_service:
    description: Name of the service that answers for unknown host names.
    type: str
    required: true
author: [Slipway (@slipway)]
"""

EXAMPLES = r"""
# inventory/<env>/group_vars/all/services.yml
default_service: inference
services:
  inference: {domains: [api.example.com], slots: {blue: 18080, green: 18081}, version: v1.4.2}
  scoring: {domains: [scoring.example.com], slots: {blue: 18090, green: 18091}, version: v2.0.0}
---
edge_services: "{{ services | slipway.ops.services(default_service) }}"
"""

RETURN = r"""
_value:
  description:
    - Every service with its own keys, and C(name), C(live_map) (path on the host), C(backend_prefix) (in HAProxy), and
      C(ready_path) if its gates have one.
  type: list
  elements: dict
"""

from collections.abc import Callable  # noqa: E402
from typing import Any  # noqa: E402

from ansible.errors import AnsibleFilterError  # noqa: E402
from ansible_collections.slipway.ops.plugins.plugin_utils.services import ServicesError, resolved  # noqa: E402


def services(value: Any, default_service: str) -> list[dict[str, Any]]:
    try:
        return resolved(value, default_service)
    except ServicesError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"services": services}
