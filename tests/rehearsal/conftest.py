"""moto with the patches, as the rehearsal starts it, and its clients."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from rehearsal.settings import ACCOUNT
from tests.harness import moto

REGION = "eu-central-1"


@pytest.fixture(scope="module")
def flags(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("flags")


@pytest.fixture(scope="module")
def address(flags: Path) -> Iterator[str]:
    with moto.running(MOTO_ACCOUNT_ID=ACCOUNT, REHEARSAL_FLAGS=str(flags)) as address:
        yield address


@pytest.fixture
def client(address: str) -> Any:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return lambda service, **more: boto3.client(service, region_name=REGION, endpoint_url=address, **keys, **more)
