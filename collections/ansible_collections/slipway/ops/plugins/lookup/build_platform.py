# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: build_platform
short_description: How this machine builds an image for a platform
description:
  - For each platform, whether the controller builds for it natively or by emulation (an emulator for it is registered
    with binfmt_misc, with the flag F; Docker Desktop on macOS has its own), and what its wheels are called.
  - Reads C(/proc/sys/fs/binfmt_misc) on Linux, and queries neither Docker nor a registry.
options:
  _terms:
    description:
      - Platforms such as C(linux/amd64), also as a list or separated by commas. None means that of this machine.
    required: true
    type: list
    elements: str
author: [Slipway (@slipway)]
"""

EXAMPLES = r"""
- name: Show how this machine builds for arm64
  ansible.builtin.debug:
    msg: "{{ lookup('slipway.ops.build_platform', 'linux/arm64').builder }}"
"""

RETURN = r"""
_raw:
  description:
    - Of each platform a dictionary with C(platform), C(architecture) (C(amd64), C(arm64)), C(machine) (C(x86_64),
      C(aarch64), as in the tags of wheels), C(builder) (C(native), C(emulated) or C(none)) and C(suffix), which tells
      the local images of several platforms apart and is empty for a single one.
  type: list
  elements: dict
"""

from collections.abc import Iterable  # noqa: E402
from typing import Any  # noqa: E402

from ansible.errors import AnsibleError  # noqa: E402
from ansible.plugins.lookup import LookupBase  # noqa: E402
from ansible_collections.slipway.ops.plugins.plugin_utils.platforms import (  # noqa: E402
    PlatformError,
    targets,
    this_machine,
)


class LookupModule(LookupBase):
    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[dict[str, Any]]:
        try:
            return targets(names(terms), this_machine())
        except (PlatformError, OSError) as error:
            raise AnsibleError(str(error)) from error


def names(terms: Iterable[Any]) -> list[str]:
    """`-e build_platforms=linux/amd64,linux/arm64` is a string, and the inventory has a list."""
    found: list[str] = []
    for term in terms:
        found += names(term) if isinstance(term, list) else [it.strip() for it in str(term).split(",") if it.strip()]
    return found
