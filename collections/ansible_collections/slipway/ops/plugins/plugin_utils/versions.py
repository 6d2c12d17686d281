# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a version looks like: the one pattern of the collection. releasectl has the same, and a test compares them."""

from __future__ import annotations

import re

from ansible.errors import AnsibleActionFail

VERSION = re.compile(r"v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?")


def check_version(version: str) -> None:
    """Raise AnsibleActionFail unless it is a version."""
    if not VERSION.fullmatch(version):
        raise AnsibleActionFail(
            f"{version!r} is not a version: it must look like v1.4.2 or v1.4.2-rc.1 (never 'latest'). "
            "Set it with -e version=… or in inventory/<env>/group_vars/all/services.yml."
        )
