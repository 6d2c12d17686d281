#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: look
short_description: See what on a host is not as wanted
description:
  - Asks a host once for all that a role cares about, so that the role's tasks run only where something is to be done.
  - Reads only, also in check mode. The work is that of the action plugin of the same name.
options:
  packages:
    description: Packages that must be installed (Debian's names).
    type: list
    elements: str
    default: []
  units:
    description: Units that must be enabled, each with C(name); with C(state=started) it must be active, too.
    type: list
    elements: dict
    default: []
  templates:
    description:
      - Files made from templates, each with C(path), C(src) (when not given, the path without its first slash) and
        C(mode) (C(0644) when not given). All that is looked for belongs to root.
    type: list
    elements: dict
    default: []
  copies:
    description: Files of the controller, each with C(path), C(src) and C(mode) (C(0644) when not given).
    type: list
    elements: dict
    default: []
  folders:
    description: Folders, each with C(path) and C(mode).
    type: list
    elements: dict
    default: []
  paths:
    description: Paths where anything has to be.
    type: list
    elements: str
    default: []
  absent:
    description: Paths where nothing may be.
    type: list
    elements: str
    default: []
  commands:
    description: Further questions, a command that changes nothing for each name.
    type: dict
    default: {}
author: [Slipway (@slipway)]
"""

EXAMPLES = r"""
- name: Look at the host
  slipway.ops.look:
    packages: [haproxy]
    units: [{name: haproxy.service, state: started}]
    templates: [{path: /etc/haproxy/haproxy.cfg}]
  register: there
"""

RETURN = r"""
packages:
  description: Packages that are not installed.
  type: list
  elements: str
  returned: always
  sample: []
units:
  description: Units that are not as wanted.
  type: list
  elements: str
  returned: always
  sample: [haproxy.service]
files:
  description:
    - Paths of files and folders whose content, mode, owner or group is not as wanted, or that must not be there.
  type: list
  elements: str
  returned: always
  sample: [/etc/haproxy/haproxy.cfg]
differs:
  description: Whether any package, unit or file is not as wanted.
  type: bool
  returned: always
  sample: true
commands:
  description: Exit code (127 when there is no such command) and output of each command.
  type: dict
  returned: always
  sample: {firewall: {rc: 0, stdout: ""}}
distribution:
  description: Name and code name of the distribution.
  type: dict
  returned: always
  sample: {name: "Debian GNU/Linux 12 (bookworm)", codename: bookworm}
ssh_port:
  description: The port of this SSH connection as the host sees it; null when there is none.
  type: int
  returned: always
  sample: 22
"""
