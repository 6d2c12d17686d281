"""An instance is in the security groups of its primary network interface.

RunInstances takes the groups either for the instance or for its interface. moto shows the first kind only. Terraform
names them with the interface when it asks for a public address, so its next plan sees an instance without groups.
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models import instances


def apply() -> None:
    prepare = instances.Instance.prep_nics

    def prepared(self: Any, *args: Any, **kwargs: Any) -> None:
        prepare(self, *args, **kwargs)
        if not self.security_groups and 0 in self.nics:
            self.security_groups = list(self.nics[0].group_set)

    instances.Instance.prep_nics = prepared
