# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that several modules take. Only secrets are hidden: a hidden region would be blotted out of every message."""

from __future__ import annotations

from typing import Any

AWS: dict[str, Any] = {
    "type": "dict",
    "default": {},
    "options": {
        "region": {"type": "str"},
        "endpoint_url": {"type": "str"},
        "ca_bundle": {"type": "path"},
        "access_key": {"type": "str", "no_log": False},
        "secret_key": {"type": "str", "no_log": True},
        "profile": {"type": "str"},
    },
}
