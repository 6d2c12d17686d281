"""A load balancer has a network interface with an address in each of its subnets, described as `ELB app/NAME/ID`.

moto gives it none. The reconciler takes the balancer's address from there (rehearsal/balancer.py), so that no instance
gets the same one.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from moto.elbv2 import models


def description(arn: str) -> str:
    return f"ELB {arn.partition(':loadbalancer/')[2]}"


def interfaces(backend: Any, arn: str) -> list[Any]:
    return [it for it in backend.ec2_backend.enis.values() if it.description == description(arn)]


def give(backend: Any, balancer: Any, subnets: Sequence[Any]) -> None:
    for subnet in subnets:
        made = backend.ec2_backend.create_network_interface(
            subnet, [], group_ids=balancer.security_groups, description=description(balancer.arn)
        )
        made.requester_managed, made.status = True, "in-use"


def apply() -> None:
    backend = models.ELBv2Backend
    create, delete, move = backend.create_load_balancer, backend.delete_load_balancer, backend.set_subnets

    def create_with(self: Any, *args: Any, **kwargs: Any) -> Any:
        made = create(self, *args, **kwargs)
        give(self, made, made.subnets)
        return made

    def delete_with(self: Any, arn: str) -> None:
        delete(self, arn)
        for it in interfaces(self, arn):
            it.delete()

    def set_subnets(self: Any, arn: str, *args: Any, **kwargs: Any) -> Any:
        found = move(self, arn, *args, **kwargs)
        balancer = self.load_balancers[arn]
        have = {it.subnet.id: it for it in interfaces(self, arn)}
        for key in have.keys() - {it.id for it in balancer.subnets}:
            have[key].delete()
        give(self, balancer, [it for it in balancer.subnets if it.id not in have])
        return found

    backend.create_load_balancer, backend.delete_load_balancer = create_with, delete_with
    backend.set_subnets = set_subnets
