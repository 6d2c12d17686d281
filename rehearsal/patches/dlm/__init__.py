"""Amazon Data Lifecycle Manager, which moto lacks: policies and their tags. In the shape of a service of moto."""

from __future__ import annotations

import re
import sys

NAME = "dlm"


def apply() -> None:
    from moto import backend_index

    from . import models

    # Where moto looks for a service, and the address by which it knows it.
    sys.modules[f"moto.{NAME}"] = models
    backend_index.backend_url_patterns.append((NAME, re.compile(rf"https?://{NAME}\.(.+)\.amazonaws\.com")))
