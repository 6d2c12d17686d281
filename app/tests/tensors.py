"""A request of the Open Inference Protocol."""

from __future__ import annotations

from typing import Any

MODEL = "/v2/models/breast-cancer"


def tensor(row: list[float], **changes: Any) -> dict[str, Any]:
    return {"inputs": [{"name": "features", "shape": [1, 30], "datatype": "FP32", "data": row, **changes}]}
