"""An instance is in the security groups of its primary network interface.

RunInstances takes the groups either for the instance or for its interface. moto shows the first kind only. Terraform
names them with the interface when it asks for a public address, so its next plan sees an instance without groups.

The interface that RunInstances makes goes with the instance, unless it was asked to stay. moto keeps it.
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models import instances


def apply() -> None:
    prepare = instances.Instance.prep_nics

    def prepared(self: Any, nic_spec: list[dict[str, Any]], *args: Any, **kwargs: Any) -> None:
        given = next((dict(it) for it in nic_spec if int(it.get("DeviceIndex", -1)) == 0), {})
        prepare(self, nic_spec, *args, **kwargs)
        if 0 in self.nics and not given.get("NetworkInterfaceId") and given.get("DeleteOnTermination") is not False:
            self.nics[0].delete_on_termination = True
        if not self.security_groups and 0 in self.nics:
            self.security_groups = list(self.nics[0].group_set)

    instances.Instance.prep_nics = prepared
