"""An Elastic IP stays with its instance while that is stopped, and is free when the instance is terminated.

moto gives an instance of a subnet with public addresses a new one when it starts, in place of its Elastic IP, and
leaves the Elastic IP of a terminated instance associated with it.
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models import elastic_network_interfaces, instances


def addresses_of(interface: Any) -> list[Any]:
    return [it for it in interface.ec2_backend.addresses if it.eni is interface]


def apply() -> None:
    interface = elastic_network_interfaces.NetworkInterface
    give, take, end = interface.check_auto_public_ip, interface.stop, instances.Instance.terminate

    def check_auto_public_ip(self: Any) -> None:
        if not addresses_of(self):
            give(self)

    def stop(self: Any) -> None:
        if not addresses_of(self):
            take(self)

    def terminate(self: Any) -> Any:
        previous = end(self)
        for nic in self.nics.values():
            for it in addresses_of(nic):
                self.ec2_backend.disassociate_address(association_id=it.association_id)
        return previous

    interface.check_auto_public_ip = check_auto_public_ip
    interface.stop = stop
    instances.Instance.terminate = terminate
