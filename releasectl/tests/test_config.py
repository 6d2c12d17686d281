"""service.json: every key is checked, and the wrong one is named."""

from __future__ import annotations

from typing import Any

import pytest
from releasectl.documents.config import read_config
from releasectl.model.errors import Code, Failure
from releasectl.model.model import Deadlines

from .simulated_host import config, config_doc

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"service": "Inference"}, "service"),
    ({"service": "../x"}, "service"),
    ({"service": None}, "service"),
    ({"slots": {"blue": 1}}, "slots.green"),
    ({"slots": {"blue": 1, "green": 2, "red": 3}}, "slots.red"),
    ({"slots": {"blue": 1, "green": 1}}, "slots.green"),
    ({"slots": {"blue": 0, "green": 1}}, "slots.blue"),
    ({"slots": None}, "slots"),
    ({"haproxy_socket": "run/x"}, "haproxy_socket"),
    ({"live_map": ""}, "live_map"),
    ({"backend_prefix": "a b"}, "backend_prefix"),
    ({"drain_timeout_s": -1}, "drain_timeout_s"),
    ({"drain_timeout_s": "30"}, "drain_timeout_s"),
    ({"drain_timeout_s": float("inf")}, "drain_timeout_s"),
    ({"standby_s": True}, "standby_s"),
    ({"retain": 0}, "retain"),
    ({"min_free_mb": 1.5}, "min_free_mb"),
    ({"deadlines_s": {"pul": 1}}, "deadlines_s.pul"),
    ({"deadlines_s": {"pull": -1}}, "deadlines_s.pull"),
    ({"deadlines_s": []}, "deadlines_s"),
    ({"standby": 1}, "standby"),
]


@pytest.mark.parametrize(("changed", "where"), WRONG, ids=[f"{where}-{n}" for n, (_, where) in enumerate(WRONG)])
def test_the_wrong_key_is_named(changed: dict[str, Any], where: str) -> None:
    with pytest.raises(Failure) as caught:
        read_config(config_doc(**changed), "service.json")
    assert caught.value.code == Code.USAGE
    assert caught.value.cause.startswith(f"service.json.{where}:"), caught.value.cause


@pytest.mark.parametrize("key", [key for key in config_doc() if key != "deadlines_s"])
def test_every_key_is_wanted(key: str) -> None:
    doc = config_doc()
    del doc[key]
    with pytest.raises(Failure, match=rf"service\.json\.{key}: "):
        read_config(doc, "service.json")


def test_deadlines_that_are_left_out_have_defaults() -> None:
    assert config(deadlines_s={"pull": 7}).deadlines == Deadlines(pull=7)


def test_the_names_of_a_slot() -> None:
    it = config()
    assert (it.unit("blue"), it.container("blue"), it.backend("blue"), it.other("blue")) == (
        "inference@blue.service",
        "inference-blue",
        "inference_blue",
        "green",
    )
