# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image's place in a registry: options of every module that queries one."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  registry:
    description: Host name of the image registry.
    type: str
    required: true
  repository:
    description: Repository of the image in that registry.
    type: str
    required: true
"""
