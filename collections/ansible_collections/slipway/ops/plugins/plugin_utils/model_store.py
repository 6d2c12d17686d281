# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manifests of models in S3, `<store>/<name>/<version>/manifest.json`, as app/tools/publish.py puts them there.

A version is written once and never changes, so a manifest that was read is kept, and S3 is not asked for it again.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.slipway.ops.plugins.module_utils.session import RegistryError, Session

WANTED = {"name": str, "version": str, "sha256": str, "golden": list}


class ModelError(Exception):
    """The manifest cannot be had; the message says why and what to do."""


def manifest(session: Session, store: str, name: str, version: str, kept: Path) -> dict[str, Any]:
    """What the model is: at least name, version, sha256 and golden requests. `kept`: folder of those read before."""
    parts = urlsplit(store)
    if parts.scheme != "s3" or not parts.netloc:
        raise ModelError(
            f"the model store must look like s3://bucket/prefix, got '{store}'. "
            "Set service_model_store in inventory/<env>/group_vars/all/aws.yml"
        )
    prefix = f"{parts.path.strip('/')}/{name}".lstrip("/")
    key = f"{prefix}/{version}/manifest.json"
    # A lab's bucket is not that of an account, though both may have one name.
    path = kept / (urlsplit(session.endpoint_url or "").hostname or "aws") / parts.netloc / key
    try:
        return _read(path.read_text(), name, version)
    except (OSError, ModelError):
        text = _fetch(session, parts.netloc, key, version)
    found = _read(text, name, version)
    _keep(path, text)
    return found


def link(session: Session, store: str, found: dict[str, Any], seconds: int) -> str:
    """An address that gives the file of a model to whoever has it, for so long. Asks nobody. Raises RegistryError."""
    parts = urlsplit(store)
    names = (parts.path.strip("/"), found["name"], found["version"], Path(found.get("file", "model.onnx")).name)
    key = "/".join(name for name in names if name)
    with session.explained(f"sign a link to s3://{parts.netloc}/{key}"):
        params = {"Bucket": parts.netloc, "Key": key}
        return str(session.client("s3").generate_presigned_url("get_object", Params=params, ExpiresIn=seconds))


def _read(text: str, name: str, version: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ModelError(f"The manifest of {name} {version} is not JSON: {error}") from error
    wrong = [key for key, kind in WANTED.items() if not isinstance(found, dict) or not isinstance(found.get(key), kind)]
    if wrong:
        raise ModelError(f"The manifest of {name} {version} has no {', '.join(wrong)}")
    if (found["name"], found["version"]) != (name, version):
        raise ModelError(f"The manifest of {name} {version} says that it is of {found['name']} {found['version']}")
    return dict(found)


def _fetch(session: Session, bucket: str, key: str, version: str) -> str:
    where = f"s3://{bucket}/{key}"
    try:
        with session.explained(f"read {where}"):
            client = session.client("s3")
            try:
                return str(client.get_object(Bucket=bucket, Key=key)["Body"].read().decode())
            except client.exceptions.NoSuchKey:
                published = _versions(client, bucket, key.rsplit("/", 2)[0])
    except RegistryError as error:
        raise ModelError(
            f"{error} A rollout of a model needs its golden requests from there, unless this controller has rolled it "
            "out before; a rollback needs nothing (playbooks/rollback.yml)"
        ) from error
    raise ModelError(
        f"Failed to find model {version}: there is no {where}. Published are: {', '.join(published) or 'none'}. "
        "Publish it first: ansible-playbook playbooks/models/publish.yml -e model_dir=DIRECTORY"
    )


def _versions(client: Any, bucket: str, prefix: str) -> list[str]:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/")
    keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    return sorted(key.rsplit("/", 2)[1] for key in keys if key.endswith("/manifest.json"))


def _keep(path: Path, text: str) -> None:
    """Whole or not at all: several forks of Ansible may be here at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".", delete=False) as file:
        file.write(text)
    os.replace(file.name, path)
