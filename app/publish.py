"""Put a trained model into versioned S3, or list what is there. Runs on the controller (boto3), not in the service.

    python publish.py publish --store s3://bucket/models --model FOLDER
    python publish.py list --store s3://bucket/models [--name breast-cancer]

Objects are `<store>/<name>/<version>/{model.onnx,manifest.json}`. A version is written once: the manifest goes last and
only if there is none (S3's conditional put), so a version without a manifest is one that was never published.
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
    """Upload the model of `folder`; gives its name, version and SHA-256. Raises PublishError if the version exists."""
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
    if _exists(s3, bucket, f"{base}/manifest.json"):
        raise PublishError(f"{name} {version} is in {store} already and versions never change; choose the next version")
    s3.put_object(Bucket=bucket, Key=f"{base}/{manifest['file']}", Body=content, ChecksumAlgorithm="SHA256")
    try:
        s3.put_object(
            Bucket=bucket, Key=f"{base}/manifest.json", Body=text, IfNoneMatch="*", ChecksumAlgorithm="SHA256"
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "PreconditionFailed":
            raise
        raise PublishError(f"{name} {version} was published by somebody else just now") from error
    return {"name": name, "version": version, "sha256": sha256}


def published(s3: Any, store: str, name: str = "") -> list[dict[str, str]]:
    """Name, version and time of each published version, oldest first."""
    bucket, prefix = _split(store)
    start = f"{prefix}{name}/" if name else prefix
    found = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=start):
        for item in page.get("Contents", []):
            parts = item["Key"][len(prefix) :].split("/")
            if len(parts) == 3 and parts[2] == "manifest.json":
                found.append({"name": parts[0], "version": parts[1], "at": item["LastModified"].isoformat()})
    return sorted(found, key=lambda entry: entry["at"])


def _split(store: str) -> tuple[str, str]:
    parts = urlsplit(store)
    if parts.scheme != "s3" or not parts.netloc:
        raise PublishError(f"The store must look like s3://bucket/prefix, not '{store}'")
    prefix = parts.path.strip("/")
    return parts.netloc, f"{prefix}/" if prefix else ""


def _exists(s3: Any, bucket: str, key: str) -> bool:
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return False
        raise
    return True


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("publish", help="upload a trained model")
    one.add_argument("--model", type=Path, required=True, help="folder that train.py wrote")
    every = commands.add_parser("list", help="list the versions")
    every.add_argument("--name", default="", help="only of this model")
    for command in (one, every):
        command.add_argument("--store", required=True, help="s3://bucket/prefix")
    given = parser.parse_args(arguments)
    s3 = boto3.client("s3", config=Config(connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 3}))
    try:
        if given.command == "publish":
            model = publish(s3, given.store, given.model)
            print(f"Published {model['name']} {model['version']} ({model['sha256']})")
        else:
            for entry in published(s3, given.store, given.name):
                print(f"{entry['name']} {entry['version']} {entry['at']}")
    except (PublishError, ClientError, BotoCoreError) as error:
        print(f"Failed to {given.command}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
