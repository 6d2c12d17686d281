"""A steady load of predictions on a host of the lab, by its public name over verified TLS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.harness import lab
from tests.harness.load.steady import SteadyLoad


def predictions(name: str = lab.NAME, **more: Any) -> SteadyLoad:
    """`more`: rate, clients and headers as of SteadyLoad."""
    golden = lab.GOLDEN[0]
    return SteadyLoad(name, golden["path"], json.dumps(golden["body"]).encode(), str(lab.ROOTS), **more)


@contextmanager
def unfailing(count: int, **more: Any) -> Iterator[SteadyLoad]:
    """A load of which no request may fail; at least `count` are sent before and after the block."""
    with predictions(**more) as load:
        load.wait_for(count)
        yield load
        load.wait_for(len(load.samples) + count, what=lambda sample: True)
    # pytest explains no assertion of a module that is not a test.
    assert load.failed == [], f"{len(load.failed)} of {len(load.samples)} requests failed, first: {load.failed[:3]}"
