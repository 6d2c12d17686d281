"""Models in versioned S3: `<store>/<name>/<version>/{manifest.json,model.onnx}`, fetched once and kept in a folder.

A version never changes, so one that was fetched before is served without S3: a start with S3 down works as long as the
folder (a volume) has the version. What arrives is checked against its manifest, written under a temporary name and
renamed: a folder with a version's name is complete.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .model import ModelError, checked, decoded, load_files
from .settings import Settings

CONNECT_TIMEOUT_S = 2
READ_TIMEOUT_S = 10
ATTEMPTS = 3


class StoreUnavailable(Exception):
    """S3 does not answer now; trying again later may help."""


def model_folder(settings: Settings) -> Path:
    """The folder with the version that the settings name; downloads it if it is not there yet.

    Raises ModelError for what waiting cannot mend (no such version, a wrong checksum), else StoreUnavailable.
    """
    folder = Path(settings.model_cache) / settings.model_name / settings.model_version
    if folder.is_dir():
        try:
            load_files(folder)
            return folder
        except ModelError:
            # Damaged on disk: fetch it again rather than refuse for ever.
            shutil.rmtree(folder)
    _download(settings, folder)
    return folder


def _download(settings: Settings, folder: Path) -> None:
    bucket, path = urlsplit(settings.model_store)[1:3]
    prefix = "/".join(part for part in (path.strip("/"), settings.model_name, settings.model_version) if part)
    client = _client(settings)
    text = _get(client, bucket, f"{prefix}/manifest.json")
    manifest = decoded(text, f"s3://{bucket}/{prefix}/manifest.json")
    name = Path(manifest.file).name
    content = _get(client, bucket, f"{prefix}/{name}")
    checked(manifest, content, f"s3://{bucket}/{prefix}/{name}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".", dir=folder.parent))
        for file_name, data in (("manifest.json", text), (name, content)):
            with (temporary / file_name).open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        try:
            temporary.rename(folder)
        except OSError:
            # The other slot was faster; a version has one content only.
            shutil.rmtree(temporary)
            if not folder.is_dir():
                raise
    except OSError as error:
        raise ModelError(f"MODEL_CACHE: Failed to keep the model in {folder}: {error.strerror}") from error


def _client(settings: Settings) -> Any:
    # Here and not at the top: half a second that only a service with a store has to pay.
    import botocore.session
    from botocore.config import Config

    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
        s3={"addressing_style": "path" if settings.model_store_path_style else "auto"},
    )
    return botocore.session.get_session().create_client("s3", config=config)


def _get(client: Any, bucket: str, key: str) -> bytes:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        content: bytes = client.get_object(Bucket=bucket, Key=key)["Body"].read()
        return content
    except (BotoCoreError, ClientError) as error:
        response = error.response if isinstance(error, ClientError) else {}
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        final = 400 <= status < 500 and status not in (408, 429)
        raise (ModelError if final else StoreUnavailable)(f"Failed to read s3://{bucket}/{key}: {error}") from error
