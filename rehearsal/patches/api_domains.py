"""The domain name of an HTTP API becomes available, at a name that an alias can point at; in moto it has neither.

It asks for certificates of clients only if it was made so; moto shows an empty truststore of each.

https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/domainnames-domainname.html
"""

from __future__ import annotations

from typing import Any

from moto.apigatewayv2 import models
from moto.moto_api._internal import mock_random


def apply() -> None:
    initialize = models.DomainName.__init__

    def initialized(self: Any, *args: Any, **kwargs: Any) -> None:
        initialize(self, *args, **kwargs)
        self.mutual_tls_authentication = self.mutual_tls_authentication or None
        region = self.domain_name_arn.split(":")[3]
        for it in self.domain_name_configurations or []:
            it.setdefault(
                "apiGatewayDomainName", f"d-{mock_random.get_random_hex(10)}.execute-api.{region}.amazonaws.com"
            )
            it.setdefault("hostedZoneId", "Z1U9ULNL0V5AJ3")
            it["domainNameStatus"] = "AVAILABLE"

    models.DomainName.__init__ = initialized
