"""The network interface of a NAT gateway goes with it; moto keeps it.

https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-basics.html
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models import nat_gateways


def apply() -> None:
    delete = nat_gateways.NatGatewayBackend.delete_nat_gateway

    def delete_with(self: Any, nat_gateway_id: str) -> Any:
        gone = delete(self, nat_gateway_id)
        self.enis.pop(gone._eni.id, None)
        return gone

    nat_gateways.NatGatewayBackend.delete_nat_gateway = delete_with
