"""A function of Lambda is shown with its logging configuration, and with an image's configuration only if it has one.

moto keeps no logging configuration, and shows an empty image configuration of every image.
https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html
"""

from __future__ import annotations

from typing import Any

from moto.awslambda import models


def logging_of(function: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """With the defaults of AWS."""
    return {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{function.function_name}", **asked}


def apply() -> None:
    function = models.LambdaFunction
    initialize, update, configuration = function.__init__, function.update_configuration, function.get_configuration

    def initialized(self: Any, account_id: str, spec: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        initialize(self, account_id, spec, *args, **kwargs)
        self.logging_config = logging_of(self, spec.get("LoggingConfig") or {})

    def updated(self: Any, changes: dict[str, Any]) -> Any:
        if "LoggingConfig" in changes:
            self.logging_config = logging_of(self, changes["LoggingConfig"])
        return update(self, changes)

    def shown(self: Any, *args: Any, **kwargs: Any) -> Any:
        found = configuration(self, *args, **kwargs)
        found["LoggingConfig"] = self.logging_config
        if not any(found.get("ImageConfigResponse", {}).get("ImageConfig", {}).values()):
            found.pop("ImageConfigResponse", None)
        return found

    function.__init__, function.update_configuration, function.get_configuration = initialized, updated, shown
