"""The settings of one service, from its service.json on this host."""

from __future__ import annotations

import json

from ..documents.config import read_config
from ..documents.fields import CONVERGE
from ..model.errors import Code, Failure
from ..model.model import Config
from .paths import Paths


def load_config(paths: Paths, service: str | None) -> Config:
    """`service` None: the only one of this host. Raises Failure (code 2)."""
    services = paths.services()
    has = f"this host has {', '.join(services) or 'none yet (converge it: ansible-playbook site.yml --limit HOST)'}"
    if service is None:
        if len(services) != 1:
            raise Failure(Code.USAGE, f"--service is needed: {has}")
        service = services[0]
    if service not in services:
        raise Failure(Code.USAGE, f"there is no service {service!r}: {has}")
    path = paths.service_json(service)
    try:
        with open(path, encoding="utf-8") as file:
            doc = json.load(file)
    except OSError as error:
        raise Failure(Code.USAGE, f"{path}: {error.strerror}", CONVERGE) from error
    except ValueError as error:
        raise Failure(Code.USAGE, f"{path}: not JSON: {error}", CONVERGE) from error
    return read_config(doc, path)
