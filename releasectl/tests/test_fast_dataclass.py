"""core/values.py behaves as dataclasses do, in what is used of them."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest
from releasectl.startup import fast_dataclass as values


def made_by(module: ModuleType) -> tuple[Any, Any, Any]:
    class Place:
        __annotations__ = {"name": "str", "port": "int"}
        port = 80

    class Shop(Place):
        __annotations__ = {"goods": "dict", "key": "str"}
        goods = module.field(default_factory=dict)
        key = module.field(default_factory=str, repr=False)

    class Till:
        __annotations__ = {"cents": "list"}
        cents = module.field(default_factory=list)

    place = module.dataclass(frozen=True)(Place)
    return place, module.dataclass(frozen=True)(Shop), module.dataclass()(Till)


@pytest.fixture(params=[dataclasses, values])
def kinds(request: pytest.FixtureRequest) -> tuple[ModuleType, Any, Any, Any]:
    return (request.param, *made_by(request.param))


def test_defaults_equality_and_copies(kinds: tuple[ModuleType, Any, Any, Any]) -> None:
    module, place, shop, till = kinds
    assert place("a") == place(name="a", port=80) and place("a") != place("b") and place("a") != shop("a")
    assert hash(place("a")) == hash(place("a")) and len({place("a"), place("a", 80)}) == 1
    assert shop("a").goods == {} and shop("a").goods is not shop("a").goods
    assert module.replace(shop("a"), port=1) == shop("a", 1)
    assert module.asdict(shop("a", 1, {"x": [place("b")]})) == {
        "name": "a", "port": 1, "goods": {"x": [{"name": "b", "port": 80}]}, "key": "",
    }  # fmt: skip
    one = till()
    one.cents = [1]
    assert one == till([1])
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


def test_repr_hides_what_is_secret(kinds: tuple[ModuleType, Any, Any, Any]) -> None:
    _, _, shop, _ = kinds
    shown = repr(shop("a", key="secret"))
    assert shown.endswith("Shop(name='a', port=80, goods={})")


def test_frozen_and_matched_by_position(kinds: tuple[ModuleType, Any, Any, Any]) -> None:
    _, place, _, _ = kinds
    with pytest.raises(AttributeError):
        place("a").port = 1
    match place("a", 3):
        case place(name, port):
            assert (name, port) == ("a", 3)


@pytest.mark.parametrize("args, given", [((), {}), (("a", 1, 2), {}), (("a",), {"name": "b"}), (("a",), {"x": 1})])
def test_wrong_values_are_refused(kinds: tuple[ModuleType, Any, Any, Any], args: Any, given: Any) -> None:
    _, place, _, _ = kinds
    with pytest.raises(TypeError):
        place(*args, **given)


@pytest.mark.parametrize("module", ["dataclasses", "http.client", "ssl", "uuid"])
def test_no_command_pays_for(module: str) -> None:
    """docs/decisions/0007-what-the-engine-imports.md"""
    source = values.__file__.rpartition("/releasectl/")[0]
    script = f"import sys; sys.path.insert(0, {source!r}); import releasectl.cli; print({module!r} in sys.modules)"
    done = subprocess.run([sys.executable, "-IS", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
