"""Selections of a plan of AWS Backup, a vault's notifications and its recovery points (none), all of which moto lacks.

Also their tags, which moto finds only if the path ends with a slash.
"""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import unquote

from moto.backup import urls
from moto.backup.exceptions import ResourceNotFoundException
from moto.backup.responses import BackupResponse
from moto.moto_api._internal import mock_random

NOTIFICATIONS = "{0}/backup-vaults/(?P<name>[^/]+)/notification-configuration$"
# Clients end the path with a slash or without; one that ends with it is found by both.
POINTS = "{0}/backup-vaults/(?P<name>[^/]+)/recovery-points/$"


def selections(response: Any) -> dict[str, dict[str, Any]]:
    """Of the plan in the path /backup/plans/PLAN/selections/[SELECTION], by id."""
    plan = response.backup_backend.get_backup_plan(response.path.split("/")[3], None)
    kept: dict[str, dict[str, Any]] = vars(plan).setdefault("_selections", {})
    return kept


def selection(response: Any) -> dict[str, Any]:
    wanted = response.path.rstrip("/").split("/")[-1]
    if wanted not in selections(response):
        raise ResourceNotFoundException(f"Cannot find Backup selection with ID {wanted}")
    return selections(response)[wanted]


def vault(response: Any) -> Any:
    return response.backup_backend.describe_backup_vault(unquote(response.path.split("/")[2]))


def create_backup_selection(self: Any) -> str:
    key, asked = str(mock_random.uuid4()), json.loads(self.body)
    known = {"SelectionId": key, "BackupPlanId": self.path.split("/")[3], "CreationDate": int(time.time())}
    selections(self)[key] = {**known, **asked}
    return json.dumps(known)


def get_backup_selection(self: Any) -> str:
    return json.dumps(selection(self))


def list_backup_selections(self: Any) -> str:
    found = [{**it, **it["BackupSelection"]} for it in selections(self).values()]
    return json.dumps({"BackupSelectionsList": found})


def delete_backup_selection(self: Any) -> str:
    del selections(self)[selection(self)["SelectionId"]]
    return "{}"


def put_backup_vault_notifications(self: Any) -> str:
    vars(vault(self))["_notifications"] = json.loads(self.body)
    return "{}"


def get_backup_vault_notifications(self: Any) -> str:
    found = vault(self)
    if "_notifications" not in vars(found):
        raise ResourceNotFoundException(f"{found.backup_vault_name} has no notifications")
    named = {"BackupVaultName": found.backup_vault_name, "BackupVaultArn": found.backup_vault_arn}
    return json.dumps({**named, **vars(found)["_notifications"]})


def delete_backup_vault_notifications(self: Any) -> str:
    vars(vault(self)).pop("_notifications", None)
    return "{}"


def list_recovery_points_by_backup_vault(self: Any) -> str:
    vault(self)
    return json.dumps({"RecoveryPoints": []})


def list_tags(self: Any) -> str:
    arn = unquote(self.path.partition("/tags/")[2].rstrip("/"))
    return json.dumps({"Tags": self.backup_backend.list_tags(resource_arn=arn)})


def apply() -> None:
    for path in (NOTIFICATIONS, POINTS):
        urls.url_paths[path] = urls.response.dispatch
    for action in (
        create_backup_selection,
        get_backup_selection,
        list_backup_selections,
        delete_backup_selection,
        put_backup_vault_notifications,
        get_backup_vault_notifications,
        delete_backup_vault_notifications,
        list_recovery_points_by_backup_vault,
        list_tags,
    ):
        setattr(BackupResponse, action.__name__, action)
