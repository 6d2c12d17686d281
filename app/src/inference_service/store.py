"""Models in versioned S3: `<store>/<name>/<version>/{manifest.json,model.onnx}`, fetched once and kept in a folder.

A version never changes, so one that was fetched before is served without asking S3: a start with S3 down works as long
as the folder (a volume) has the version. What arrives is checked against its manifest, written under a temporary name
and renamed: a folder that bears a version's name is whole, unless the host crashed; its checksum tells.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from .model import Manifest, ModelError, check, load_files
from .settings import Settings

CONNECT_TIMEOUT_S = 2
READ_TIMEOUT_S = 10
ATTEMPTS = 3


class StoreUnavailable(Exception):
    """S3 does not answer now; trying again later may help."""


def model_folder(settings: Settings) -> Path:
    """The folder with the version that the settings name; downloads it when it is not there yet.

    Raises ModelError for what waiting cannot mend (no such version, a wrong checksum), else StoreUnavailable.
    """
    folder = Path(settings.model_cache) / settings.model_name / settings.model_version
    if folder.is_dir():
        try:
            load_files(folder)
            return folder
        except ModelError:
            # Spoilt on disk: fetch it again rather than refuse for ever.
            shutil.rmtree(folder)
    _download(settings, folder)
    return folder


def _download(settings: Settings, folder: Path) -> None:
    parts = urlsplit(settings.model_store)
    prefix = "/".join(part for part in (parts.path.strip("/"), settings.model_name, settings.model_version) if part)
    client = _client(settings)
    text = _get(client, parts.netloc, f"{prefix}/manifest.json")
    try:
        manifest = msgspec.json.decode(text, type=Manifest)
    except msgspec.DecodeError as error:
        raise ModelError(f"{settings.model_store}: {prefix}/manifest.json is not a manifest: {error}") from error
    name = Path(manifest.file).name
    content = _get(client, parts.netloc, f"{prefix}/{name}")
    check(f"s3://{parts.netloc}/{prefix}/{name}", content, manifest)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", dir=folder.parent) as temporary:
            # Not synced: what a crash of the host tears is found by its checksum at the next start, and fetched again.
            Path(temporary, "manifest.json").write_bytes(text)
            Path(temporary, name).write_bytes(content)
            Path(temporary).rename(folder)
    except OSError as error:
        # Unless the other slot was faster; a version has one content only.
        if not folder.is_dir():
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
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        message = f"Failed to read s3://{bucket}/{key}: {error}"
        if 400 <= status < 500 and status not in (408, 429):
            raise ModelError(message) from error
        raise StoreUnavailable(message) from error
    except BotoCoreError as error:
        raise StoreUnavailable(f"Failed to read s3://{bucket}/{key}: {error}") from error
    return content
