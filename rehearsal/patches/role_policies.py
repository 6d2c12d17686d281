"""A request by the credentials of a role needs an action that the role's policies allow.

moto permits everything. What it can enforce (INITIAL_NO_AUTH_ACTION_COUNT) applies to every caller, takes each resource
outside of S3 for "*", which no policy that names resources allows, and denies what depends on a condition. Here only
roles are held to their policies: by action, for S3 by resource as well. Conditions count as met, and of an explicit
denial only one for S3 or for all resources counts.
"""

from __future__ import annotations

from typing import Any

from moto.core import authorization, exceptions
from moto.iam import access_control

UNKNOWN = "*"


def assumed(headers: Any) -> bool:
    """Whether a role's credentials sign the request; any other caller is the account's administrator."""
    return "Credential=ASIA" in headers.get("Authorization", "") and "X-Amz-Security-Token" in headers


def apply() -> None:
    statement = access_control.IAMPolicyStatement
    matches = statement._check_element_matches

    def authorize(self: Any, request_class: Any, resource: str = UNKNOWN) -> None:
        if assumed(self.headers):
            request = request_class(
                account_id=self.current_account, method=self.method, path=self.uri, data=self.data,
                body=self.raw_body, headers=self.headers, action=self._get_action(),
            )  # fmt: skip
            try:
                request.check_action_permitted(resource)
            except exceptions.AccessDeniedError as error:
                if "X-Amz-Target" not in self.headers:
                    raise
                # moto answers XML, which clients of the JSON protocol cannot read.
                raise exceptions.JsonRESTError("AccessDeniedException", error.message) from None

    def check_element_matches(self: Any, element: Any, value: str) -> bool:
        if element == "Resource" and value == UNKNOWN and self._statement["Effect"] == "Allow":
            return True
        return bool(matches(self, element, value))

    authorization.ActionAuthenticatorMixin._authenticate_and_authorize_action = authorize
    statement._check_element_matches = check_element_matches
    statement._check_conditions = lambda self, values: True
