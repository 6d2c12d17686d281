#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: drift_info
short_description: Report what a converge would change on a host
description:
  - Compares a host with the desired state of several roles in one connection, so that a play can skip hosts and roles
    without drift. The host is read by M(slipway.ops.host_probe); nothing is written, also outside check mode.
  - The desired state of a role is its public variable C(<role>_state). The play imports the role, so that the variable
    is defined. Its keys, all optional, are
  - C(packages), names of Debian packages that are installed, and C(packages_by_codename), the same per code name of
    the distribution;
  - C(files), each with C(path), C(mode) (C(0644) when omitted), C(src), a template of the role (when omitted, C(path)
    without its leading slash), and C(vars), further variables of the template. With C(verbatim=true), C(src) is a file
    of the role or of the controller that is copied as it is. Every file belongs to root;
  - C(directories), each with C(path) and C(mode) (C(0755) when omitted); C(present), paths that exist; C(absent), paths
    that do not; C(obsolete), patterns with C(*) of files that the role removes if the last converge has recorded them
    with their present content, and no role has them any more;
  - C(units), each with C(name), which are enabled and, with C(state=started), active. A unit with one of the C(files)
    that needs a daemon-reload has drifted as well;
  - C(commands), name → C(argv) of a command that changes nothing, C(rc) (C(0) when omitted), the exit code that it has,
    and C(json), keys of the JSON object that it prints and their values. A command that cannot be started has exit code
    126 or 127, one that takes more than a minute 124.
  - A role whose state cannot be rendered counts as drifted, and the error is printed as a warning.
  - The work is done by the action plugin of the same name, which prints a line for each item.
options:
  roles:
    description: Names of the roles.
    type: list
    elements: str
    required: true
  warn:
    description: Whether to print the drift as warnings, at the end of a play that should have left none.
    type: bool
    default: false
attributes:
  action:
    description: Whether an action plugin of the same name does the work.
    support: full
  async:
    description: Whether it can run with the keyword C(async).
    support: none
  check_mode:
    description: Whether it predicts its result in check mode and changes nothing.
    support: full
  diff_mode:
    description: Whether it returns what changes, or would change, as C(diff).
    support: none
author: [Slipway (@slipway)]
"""

EXAMPLES = r"""
- name: Check the host for drift
  slipway.ops.drift_info:
    roles: [baseline, edge]
  register: converge_drift
"""

RETURN = r"""
roles:
  description: Roles with drift or with an error, in the order of the option.
  type: list
  elements: str
  returned: always
  sample: [edge]
drift:
  description: Role → names of the packages, files, units and commands that are not in the desired state.
  type: dict
  returned: always
  sample: {edge: {packages: [], files: [/etc/haproxy/haproxy.cfg], units: [], commands: []}}
in_sync:
  description:
    - Role → names of the packages, paths and units that are in the desired state, so that its tasks can skip them.
    - No path and no unit while a package of the role is missing, since its installation may write one.
  type: dict
  returned: always
  sample: {edge: [haproxy, /etc/haproxy/too_large.lua, haproxy.service]}
desired:
  description: Path of each file of the roles → SHA-256, mode, owner and group of its desired state.
  type: dict
  returned: always
  sample: {/etc/slipway/edge.json: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0644 root root}
stale:
  description: Paths that the last converge recorded, and that none of the roles has any more.
  type: list
  elements: str
  returned: always
  sample: [/etc/slipway/inference/hooks/post-switch]
obsolete:
  description: Role → those of C(stale) that it removes, because they are on the host as they were recorded.
  type: dict
  returned: always
  sample: {release: [/etc/slipway/inference/hooks/post-switch]}
errors:
  description: Role → why its desired state cannot be rendered.
  type: dict
  returned: always
  sample: {edge: "'edge_domains' is undefined"}
"""
