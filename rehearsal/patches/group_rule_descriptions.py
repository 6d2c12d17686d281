"""A rule of a security group that names another group, or a prefix list, has the description that it was made with.

moto keeps it, and shows descriptions of rules with networks only.
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models import security_groups


def apply() -> None:
    rule = security_groups.SecurityGroupRule
    initialize = rule.__init__

    def initialized(self: Any, *args: Any, **kwargs: Any) -> None:
        initialize(self, *args, **kwargs)
        # Of its arguments, in the order of moto's: … ip_range, source_group, prefix_list_id.
        named = kwargs.get("prefix_list_id") or (args[7] if len(args) > 7 else None) or {}
        self.prefix_list_description = named.get("Description")

    def description(self: Any) -> str | None:
        found: str | None = (
            self.ip_range.get("Description") or self.source_group.get("Description") or self.prefix_list_description
        )
        return found

    rule.__init__ = initialized
    rule.description = property(description)
