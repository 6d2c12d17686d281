#!/usr/bin/python
from __future__ import annotations

DOCUMENTATION = r"""
module: release_info
short_description: Read what is live on a host, and its history
description: Reads only. What a person sees is C(text); what a program wants is C(status) and C(history).
options:
  service:
    description: Name of the service.
    type: str
    default: inference
  history:
    description: How many ended rollouts to read.
    type: int
    default: 5
author: [Slipway (@slipway)]
"""

EXAMPLES = r"""
- name: Read what is live
  slipway.ops.release_info:
  register: release
"""

RETURN = r"""
status:
  description: The document of C(releasectl status --json).
  type: dict
  returned: always
  sample: {"live": {"release": {"version": "v1.0.0"}, "slot": "blue"}, "healthy": true}
history:
  description: The newest ended rollouts, newest first.
  type: list
  elements: dict
  returned: always
  sample: [{"release": {"version": "v1.0.0"}, "kind": "deploy", "outcome": "live"}]
text:
  description: Both as a person reads them.
  type: str
  returned: always
  sample: "inference  v1.0.0 live on blue"
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.slipway.ops.plugins.module_utils import releasectl  # noqa: E402


def main() -> None:
    module = AnsibleModule(
        argument_spec={"service": {"type": "str", "default": "inference"}, "history": {"type": "int", "default": 5}},
        supports_check_mode=True,
    )
    service, count = module.params["service"], str(module.params["history"])
    status = releasectl.call(module, service, "status")
    history = releasectl.call(module, service, "history", "-n", count)
    for document in (status, history):
        if document["code"] != 0:
            releasectl.finish(module, document)
    text = "".join(
        module.run_command([releasectl.RELEASECTL, "--service", service, *words])[1]
        for words in (["status"], ["history", "-n", count])
    )
    module.exit_json(changed=False, status=status, history=history.get("releases", []), text=text)


if __name__ == "__main__":
    main()
