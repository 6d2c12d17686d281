# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: model_manifest
short_description: Read the environment, run options and golden requests of a published model
description:
  - The environment and run options of a container with a model from the model store, and the golden requests of that
    model. Reads C(<store>/<name>/<version>/manifest.json) from S3 on the controller, or from the copy
    that it retained when it read it before. Published versions never change.
  - An empty version is the model in the image, for which nothing is read from S3.
  - Fails with the published versions if this one does not exist.
options:
  _terms:
    description: Versions of the model; an empty one is the model in the image.
    required: true
    type: list
    elements: str
  store:
    description: Where models are, as C(s3://bucket/prefix).
    type: str
    default: ""
  name:
    description: Name of the model.
    type: str
    default: ""
  kept:
    description: Directory of the copies on the controller.
    type: path
  cache:
    description: Directory in the container that holds the models it has fetched.
    type: str
    default: /var/cache/models
  link:
    description: Whether to return an address by which a host may fetch the model for an hour.
    type: bool
    default: false
  env:
    description: Additional environment variables of a container that fetches its model, such as another S3 endpoint.
    type: dict
    default: {}
  options:
    description: Additional run options of a container that fetches its model.
    type: dict
    default: {}
  golden_file:
    description: File on the controller with the golden requests of the model in the image (JSON).
    type: path
  golden_headers:
    description: Headers of every golden request.
    type: dict
    default: {}
extends_documentation_fragment: [slipway.ops.aws]
author: [Slipway (@slipway)]
"""

EXAMPLES = r"""
- name: Show how a release fetches m2
  ansible.builtin.debug:
    msg: "{{ lookup('slipway.ops.model_manifest', 'm2', store='s3://b/models', name='tumour', kept='/tmp/m').env }}"
"""

RETURN = r"""
_raw:
  description:
    - Of each version a dictionary with C(version), C(env), C(options) (all empty for the model in the image) and
      C(golden) (a list). Of one in the store also C(manifest), and C(url) with O(link).
  type: list
  elements: dict
"""

import json  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from ansible.errors import AnsibleError  # noqa: E402
from ansible.plugins.lookup import LookupBase  # noqa: E402
from ansible_collections.slipway.ops.plugins.module_utils.session import RegistryError, Session  # noqa: E402
from ansible_collections.slipway.ops.plugins.plugin_utils.model_store import ModelError, link, manifest  # noqa: E402

# Seconds.
LINK_S = 3600


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[dict[str, Any]]:
        self.set_options(var_options=variables, direct=kwargs)
        given = self.get_options()
        try:
            return [from_store(version, given) if version else in_image(given) for version in terms]
        except (ModelError, RegistryError, OSError, ValueError) as error:
            raise AnsibleError(str(error)) from error


def from_store(version: str, given: dict[str, Any]) -> dict[str, Any]:
    """How a container fetches this version. Raises ModelError, RegistryError."""
    missing = [name for name in ("store", "name", "kept") if not given[name]]
    if missing:
        raise ModelError(
            f"Failed to find model {version}: {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set. "
            "Set service_model_store in inventory/<env>/group_vars/all/aws.yml (role variable release_model_store), "
            "and model_name of the service in services.yml."
        )
    session = Session.of(given["aws"])
    found = manifest(session, given["store"], given["name"], version, Path(given["kept"]))
    env = {
        "MODEL_STORE": given["store"],
        "MODEL_NAME": found["name"],
        "MODEL_VERSION": found["version"],
        "MODEL_SHA256": found["sha256"],
        "MODEL_CACHE": given["cache"],
        **({"AWS_DEFAULT_REGION": session.region} if session.region else {}),
        # The status asks whether the store can be reached: by this name.
        **({"AWS_ENDPOINT_URL_S3": session.endpoint_url} if session.endpoint_url else {}),
        **given["env"],
    }
    options = {"cache": given["cache"], **given["options"]}
    result = {"version": version, "env": env, "options": options, "golden": _golden(found["golden"], given)}
    more = {"url": link(session, given["store"], found, LINK_S)} if given["link"] else {}
    return {**result, "manifest": found, **more}


def in_image(given: dict[str, Any]) -> dict[str, Any]:
    """The model in the image needs nothing; its golden requests are beside its source. Raises OSError, ValueError."""
    golden = json.loads(Path(given["golden_file"]).read_text()) if given["golden_file"] else []
    return {"version": "", "env": {}, "options": {}, "golden": _golden(golden, given)}


def _golden(golden: list[dict[str, Any]], given: dict[str, Any]) -> list[dict[str, Any]]:
    headers = given["golden_headers"]
    return [{**it, "headers": {**it.get("headers", {}), **headers}} if headers else it for it in golden]
