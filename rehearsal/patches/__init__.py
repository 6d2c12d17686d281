"""What moto lacks or does differently from AWS, one module each, with its reason. Each could go upstream.

They change moto in the process that serves it (rehearsal/cloud.py) and nowhere else.
"""

from __future__ import annotations

import importlib
import pkgutil


def apply() -> None:
    """Every patch of this package: `apply` of each module."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}").apply()
