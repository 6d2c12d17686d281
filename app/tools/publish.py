"""Put a trained model into versioned S3, or list what is there. Runs on the controller (boto3), not in the service.

    python publish.py publish --store s3://bucket/models --model FOLDER
    python publish.py list --store s3://bucket/models [--name breast-cancer] [--live m2=host-1 --live m1=host-2]

Objects are `<store>/<name>/<version>/{model.onnx,manifest.json}`. A version is written once: the manifest goes last and
only if there is none (S3's conditional put), so a version without a manifest is one that was never published. The same
model again changes nothing; another one under the same version is refused.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError


class PublishError(Exception):
    """The model was not published; the message says why."""


def publish(s3: Any, store: str, folder: Path) -> dict[str, str]:
    """Upload the model of `folder`; gives its name, version, SHA-256, and whether it is `new` there ("yes", "no").

    Raises PublishError when the version is there with other content.
    """
    try:
        text = (folder / "manifest.json").read_bytes()
        manifest = json.loads(text)
        content = (folder / manifest["file"]).read_bytes()
    except (OSError, ValueError, KeyError) as error:
        raise PublishError(f"Failed to read the model in {folder}: {error}") from error
    name, version, sha256 = manifest["name"], manifest["version"], manifest["sha256"]
    if hashlib.sha256(content).hexdigest() != sha256:
        raise PublishError(f"{folder / manifest['file']} is not the model that its manifest describes; train it again")
    bucket, prefix = _split(store)
    base = f"{prefix}{name}/{version}"
    model = {"name": name, "version": version, "sha256": sha256}
    there = _manifest(s3, bucket, f"{base}/manifest.json")
    if there is not None:
        if there.get("sha256") == sha256:
            return {**model, "new": "no"}
        raise PublishError(
            f"{name} {version} is in {store} already, as {there.get('sha256')}, and versions never change; "
            "choose the next version"
        )
    s3.put_object(Bucket=bucket, Key=f"{base}/{manifest['file']}", Body=content, ChecksumAlgorithm="SHA256")
    try:
        s3.put_object(
            Bucket=bucket, Key=f"{base}/manifest.json", Body=text, IfNoneMatch="*", ChecksumAlgorithm="SHA256"
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "PreconditionFailed":
            raise
        raise PublishError(f"{name} {version} was published by somebody else just now") from error
    return {**model, "new": "yes"}


def published(s3: Any, store: str, name: str = "") -> list[dict[str, str]]:
    """Name, version, SHA-256, size (bytes) and time of each published version, oldest first."""
    bucket, prefix = _split(store)
    start = f"{prefix}{name}/" if name else prefix
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=start)
    items = {item["Key"][len(prefix) :]: item for page in pages for item in page.get("Contents", [])}
    found = []
    for key, item in items.items():
        parts = key.split("/")
        if len(parts) != 3 or parts[2] != "manifest.json":
            continue
        manifest = _manifest(s3, bucket, item["Key"]) or {}
        content = items.get(f"{parts[0]}/{parts[1]}/{manifest.get('file')}", {})
        found.append(
            {
                "name": parts[0],
                "version": parts[1],
                "sha256": str(manifest.get("sha256", "unknown")),
                "bytes": str(content.get("Size", "missing")),
                "at": item["LastModified"].isoformat(timespec="seconds"),
            }
        )
    return sorted(found, key=lambda entry: entry["at"])


def _split(store: str) -> tuple[str, str]:
    parts = urlsplit(store)
    if parts.scheme != "s3" or not parts.netloc:
        raise PublishError(f"The store must look like s3://bucket/prefix, not '{store}'")
    prefix = parts.path.strip("/")
    return parts.netloc, f"{prefix}/" if prefix else ""


def _manifest(s3: Any, bucket: str, key: str) -> dict[str, Any] | None:
    """None: there is none. An empty one cannot be read."""
    try:
        found = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return None
        raise
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("publish", help="upload a trained model")
    one.add_argument("--model", type=Path, required=True, help="directory that train.py wrote")
    every = commands.add_parser("list", help="list the versions")
    every.add_argument("--name", default="", help="only of this model")
    every.add_argument("--live", action="append", default=[], metavar="VERSION=HOST", help="mark what serves there")
    for command in (one, every):
        command.add_argument("--store", required=True, help="s3://bucket/prefix")
    given = parser.parse_args(arguments)
    s3 = boto3.client("s3", config=Config(connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 3}))
    try:
        if given.command == "publish":
            model = publish(s3, given.store, given.model)
            done = "Published" if model["new"] == "yes" else "Unchanged:"
            print(f"{done} {model['name']} {model['version']} ({model['sha256']})")
        else:
            live: dict[str, str] = {}
            for version, _, host in (entry.partition("=") for entry in given.live):
                live[version] = f"{live[version]}, {host}" if version in live else host
            for entry in published(s3, given.store, given.name):
                mark = f"  live on {live[entry['version']]}" if entry["version"] in live else ""
                print("{name} {version}  {sha256}  {bytes} bytes  {at}".format(**entry) + mark)
    except (PublishError, ClientError, BotoCoreError) as error:
        print(f"Failed to {given.command}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
