#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: model_fetch
short_description: Fetch a model to a host, for the containers of a service
description:
  - Downloads a model by a link that the controller signed (P(slipway.ops.model_manifest#lookup)), verifies its checksum
    and renames it to C(<path>/<name>/<version>/). A version that is there is not fetched again.
  - So neither the host nor a container needs credentials of AWS.
options:
  path:
    description: Directory on the host that the containers have as their cache.
    type: path
    required: true
  owner:
    description: User of the containers, as C(uid:gid). It owns the directory, and all below is written as this user.
    type: str
    required: true
  manifest:
    description: Manifest of the model, with C(name), C(version), C(sha256) and, unless it is model.onnx, C(file).
    type: dict
    required: true
  url:
    description: Address of the file of the model.
    type: str
    required: true
  timeout_s:
    description: Longest that the download may take, in seconds.
    type: int
    default: 600
attributes:
  action:
    description: Whether an action plugin of the same name does the work.
    support: none
  async:
    description: Whether it can run with the keyword C(async).
    support: full
  check_mode:
    description: Whether it predicts its result in check mode and changes nothing.
    support: full
  diff_mode:
    description: Whether it returns what changes, or would change, as C(diff).
    support: none
author: [Slipway (@slipway)]
"""

EXAMPLES = r"""
- name: Fetch m2
  slipway.ops.model_fetch:
    path: /var/lib/slipway/inference/cache/10001
    owner: "10001:10001"
    manifest: "{{ model.manifest }}"
    url: "{{ model.url }}"
  vars:
    model: "{{ lookup('slipway.ops.model_manifest', 'm2', store='s3://b/models', name='t', kept='/tmp/m', link=true) }}"
"""

RETURN = r"""
directory:
  description: Where the model is.
  type: str
  returned: success
  sample: /var/lib/slipway/inference/cache/10001/t/m2
"""

import hashlib  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import re  # noqa: E402
import shutil  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from contextlib import contextmanager  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any, BinaryIO  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible.module_utils.urls import fetch_url  # noqa: E402

SILENCE_S = 30
CHUNK = 1 << 20


class FetchError(Exception):
    """The model cannot be had; the message says why."""


def store(source: BinaryIO, manifest: dict[str, Any], directory: Path, ends: float) -> None:
    """Put the model in its directory, whole or not at all, until `ends` (monotonic). Raises FetchError, OSError."""
    directory.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".", dir=directory.parent))
    try:
        checksum = hashlib.sha256()
        with (temporary / Path(manifest.get("file", "model.onnx")).name).open("wb") as file:
            while chunk := source.read(CHUNK):
                if time.monotonic() > ends:
                    raise FetchError("the download takes too long (timeout_s)")
                checksum.update(chunk)
                file.write(chunk)
            _sync(file)
        if checksum.hexdigest() != manifest["sha256"]:
            raise FetchError(
                f"wrong checksum: the file has SHA-256 {checksum.hexdigest()}, its manifest says {manifest['sha256']}. "
                "Publish the model under another version"
            )
        with (temporary / "manifest.json").open("wb") as file:
            file.write(json.dumps(manifest).encode())
            _sync(file)
        try:
            temporary.rename(directory)
        except OSError:
            # A container was faster; a version has one content only.
            if not directory.is_dir():
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


@contextmanager
def acting_as(uid: int, gid: int) -> Iterator[None]:
    """Root would follow a link that a container made; its own user can do nothing by it that it cannot do anyway."""
    if os.geteuid() != 0:
        yield
        return
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def prepare(path: Path, uid: int, gid: int) -> None:
    """The cache, as the engine makes it for a container."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    if not path.is_dir():
        path.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(path, uid, gid)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "owner": {"type": "str", "required": True},
            "manifest": {"type": "dict", "required": True},
            "url": {"type": "str", "required": True, "no_log": True},
            "timeout_s": {"type": "int", "default": 600},
        },
        supports_check_mode=True,
    )
    given = module.params
    if not re.fullmatch(r"\d+:\d+", given["owner"]):
        # The engine says the same of options.user where there is a cache.
        module.fail_json(msg=f"owner: expected two numbers such as 10001:10001, got {given['owner']!r}")
    manifest, path = given["manifest"], Path(given["path"])
    uid, gid = (int(it) for it in given["owner"].split(":"))
    directory = path / manifest["name"] / manifest["version"]
    if directory.is_dir() or module.check_mode:
        module.exit_json(changed=not directory.is_dir(), directory=str(directory))
    model = f"model {manifest['name']} {manifest['version']}"
    ends = time.monotonic() + given["timeout_s"]
    response, info = fetch_url(module, given["url"], timeout=SILENCE_S)
    if info["status"] != 200:
        module.fail_json(
            msg=f"Failed to fetch {model} to this host: {info['msg']}. Check that the host reaches the model store "
            "(S3), and that the identity of the deploy may read it"
        )
    try:
        prepare(path, uid, gid)
        with acting_as(uid, gid):
            store(response, manifest, directory, ends)
    except (FetchError, OSError) as error:
        module.fail_json(msg=f"Failed to fetch {model} to this host: {error}")
    module.exit_json(changed=True, directory=str(directory))


if __name__ == "__main__":
    main()
