# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: model
short_description: The manifest of a model in the model store
description:
  - Reads C(<store>/<name>/<version>/manifest.json) from S3 on the controller, or from the copy that it kept when it
    read it before. Published versions never change.
  - Fails with the versions that are published when this one is not.
options:
  _terms:
    description: Versions of the model.
    required: true
    type: list
    elements: str
  store:
    description: Where models are, as C(s3://bucket/prefix).
    type: str
    required: true
  name:
    description: Name of the model.
    type: str
    required: true
  kept:
    description: Folder of the copies on the controller.
    type: path
    required: true
extends_documentation_fragment: [slipway.ops.aws]
author: [Slipway (@slipway)]
"""

EXAMPLES = r"""
- name: Say what m2 is
  ansible.builtin.debug:
    msg: "{{ lookup('slipway.ops.model', 'm2', store='s3://b/models', name='breast-cancer', kept='/tmp/m') }}"
"""

RETURN = r"""
_raw:
  description: Of each version its manifest, with C(name), C(version), C(sha256) and C(golden).
  type: list
  elements: dict
"""

from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from ansible.errors import AnsibleError  # noqa: E402
from ansible.plugins.lookup import LookupBase  # noqa: E402
from ansible_collections.slipway.ops.plugins.module_utils.session import RegistryError, Session  # noqa: E402
from ansible_collections.slipway.ops.plugins.plugin_utils.models import ModelError, manifest  # noqa: E402


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[dict[str, Any]]:
        self.set_options(var_options=variables, direct=kwargs)
        try:
            session = Session.of(self.get_option("aws"))
            store, name, kept = (self.get_option(key) for key in ("store", "name", "kept"))
            return [manifest(session, store, name, version, Path(kept)) for version in terms]
        except (ModelError, RegistryError) as error:
            raise AnsibleError(str(error)) from error
