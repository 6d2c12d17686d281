"""Creation templates of ECR, by which it makes the repositories of copies from another region. moto has none."""

from __future__ import annotations

import json
import time
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.ecr.responses import ECRResponse

# Of AWS, where the request has none.
DEFAULTS = {
    "encryptionConfiguration": {"encryptionType": "AES256"},
    "imageTagMutability": "MUTABLE",
    "resourceTags": [],
}


def templates(response: Any) -> dict[str, dict[str, Any]]:
    """By prefix."""
    kept: dict[str, dict[str, Any]] = vars(response.ecr_backend).setdefault("_creation_templates", {})
    return kept


def template(response: Any, prefix: str) -> dict[str, Any]:
    if prefix not in templates(response):
        raise JsonRESTError("TemplateNotFoundException", f"There is no creation template with the prefix '{prefix}'")
    return templates(response)[prefix]


def answer(response: Any, made: dict[str, Any]) -> str:
    return json.dumps({"registryId": response.current_account, "repositoryCreationTemplate": made})


def create_repository_creation_template(self: Any) -> str:
    asked, now = json.loads(self.body), time.time()
    if asked["prefix"] in templates(self):
        raise JsonRESTError("TemplateAlreadyExistsException", f"A template has the prefix '{asked['prefix']}' already")
    templates(self)[asked["prefix"]] = {**DEFAULTS, **asked, "createdAt": now, "updatedAt": now}
    return answer(self, templates(self)[asked["prefix"]])


def update_repository_creation_template(self: Any) -> str:
    asked = json.loads(self.body)
    template(self, asked["prefix"]).update({**asked, "updatedAt": time.time()})
    return answer(self, template(self, asked["prefix"]))


def delete_repository_creation_template(self: Any) -> str:
    gone = template(self, json.loads(self.body)["prefix"])
    del templates(self)[gone["prefix"]]
    return answer(self, gone)


def describe_repository_creation_templates(self: Any) -> str:
    wanted = json.loads(self.body).get("prefixes")
    found = [template(self, it) for it in wanted] if wanted else list(templates(self).values())
    return json.dumps({"registryId": self.current_account, "repositoryCreationTemplates": found})


def apply() -> None:
    for action in (
        create_repository_creation_template,
        update_repository_creation_template,
        delete_repository_creation_template,
        describe_repository_creation_templates,
    ):
        setattr(ECRResponse, action.__name__, action)
