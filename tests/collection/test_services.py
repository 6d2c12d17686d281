"""The dictionary `services`: what is refused and how, the derived values, and which level wins."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.slipway.ops.plugins.filter.per_service import per_service
from ansible_collections.slipway.ops.plugins.filter.service_settings import service_settings
from ansible_collections.slipway.ops.plugins.filter.services import services

TWO: dict[str, Any] = {
    "inference": {"domains": ["a.test"], "slots": {"blue": 18080, "green": 18081}, "version": "v1.0.0"},
    "scoring-2": {
        "domains": ["b.test", "c.test"],
        "slots": {"blue": 18090, "green": 18091},
        "env": {"MODE": "fast"},
        "secrets": {"KEY": "hidden"},
        "gates": {"readiness_path": "/up"},
        "canary": {"min_requests": 5},
    },
}


def changed(path: str, value: Any) -> dict[str, Any]:
    found = copy.deepcopy(TWO)
    *folders, key = path.split("/")
    at = found
    for folder in folders:
        at = at.setdefault(folder, {})
    at[key] = value
    return found


def test_every_service_has_its_derived_values_and_the_default_one_is_first() -> None:
    first, second = services(TWO, "scoring-2")
    assert (first["name"], second["name"]) == ("scoring-2", "inference")
    assert first["live_map"] == "/var/lib/slipway/scoring-2/live.map" and first["backend_prefix"] == "scoring-2_"
    assert first["gates"] == {"readiness_path": "/up"} and second["version"] == "v1.0.0"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("inference/dommains", [], "services.inference.dommains: unknown key; did you mean domains?"),
        ("inference/canary", {"stpes": [5]}, "inference.canary.stpes: unknown key; did you mean steps, step_s?"),
        ("inference/gates", {"golden_": []}, "services.inference.gates.golden_: unknown key; did you mean golden?"),
        ("inference/qq", 1, "services.inference.qq: unknown key; known: bake_max_error_ratio, bake_s,"),
        ("inference/options", {"pids": "many"}, "services.inference.options.pids: expected a whole number, got a text"),
        ("inference/options", {"pids": 1.5}, "services.inference.options.pids: expected a whole number, got a number"),
        ("inference/options", {"cpus": 1.0}, "services.inference.options.cpus: expected a text, got a number"),
        ("inference/canary", {"hold": "no"}, "services.inference.canary.hold: expected true or false, got a text"),
        ("inference/version", None, "services.inference.version: expected a text, got nothing"),
        ("inference/domains", "a.test", "services.inference.domains: expected a list, got a text"),
        ("inference/domains", ["A.test"], "services.inference.domains: 'A.test' is not a full DNS name in lower case"),
        ("inference/strategy", "canarry", "services.inference.strategy: expected blue_green or canary or stop_first"),
        ("inference/secrets", "s3cret", "services.inference.secrets: expected a dictionary, got a text"),
        ("inference/secrets", {"K": {"secretmanager": "s3cret"}}, "inference.secrets.K: a reference is {secrets"),
        ("inference/slots", {"blue": 1}, "services.inference.slots: expected blue and green, got blue"),
        ("inference/slots/blue", 70000, "services.inference.slots.blue: 70000 is not a TCP port"),
        ("inference/slots/blue", True, "services.inference.slots.blue: expected a whole number, got true or false"),
        ("inference/slots/blue", 18081, "port 18081 is in services.inference, twice"),
        ("inference/slots/blue", 18091, "port 18091 is in services.inference and services.scoring-2"),
        ("inference/domains", ["c.test"], "domain c.test is in services.inference and services.scoring-2"),
        ("inference", {"slots": {}}, "services.inference has no domains"),
        ("inference", [], "services.inference: expected a dictionary, got a list"),
        ("Scoring", TWO["inference"], "'Scoring' is not a name"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_by_its_path(path: str, value: Any, message: str) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        services(changed(path, value), "inference")
    assert message in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_the_default_service_must_be_one_of_them() -> None:
    with pytest.raises(AnsibleFilterError, match="default_service is 'other', which services does not have"):
        services(TWO, "other")
    with pytest.raises(AnsibleFilterError, match="services is empty"):
        services({}, "inference")


def test_a_value_is_replaced_by_a_stronger_level_alone() -> None:
    """Role, environment (`release_canary`), service, run (`-e steps=…`): each sets one key of the same dictionary."""
    role = {"canary": {"steps": [5, 25, 50], "step_s": 30, "min_requests": 50, "hold": False}, "env": {"A": "1"}}
    environment = {"canary": {"min_requests": 20, "step_s": 7}, "env": {"MODE": "slow", "B": "2"}}
    inputs = {"service": "scoring-2", "steps": [10], "step_s": None, "hold": True, "strategy": "canary", "reason": "x"}
    one, two = service_settings(services(TWO, "inference"), [role, environment], inputs)
    assert two["canary"] == {"steps": [10], "step_s": 7, "min_requests": 5, "hold": True}
    assert two["env"] == {"A": "1", "MODE": "fast", "B": "2"} and two["strategy"] == "canary"
    # The inputs are of the service that they name.
    assert one["canary"] == {"steps": [5, 25, 50], "step_s": 7, "min_requests": 20, "hold": False}
    assert "strategy" not in one and "reason" not in two and one["version"] == "v1.0.0"


def test_a_reference_to_a_secret_replaces_that_of_a_weaker_level() -> None:
    weaker = {"secrets": {"KEY": {"secretsmanager": "all/key", "key": "a"}, "B": "text"}}
    given = services(changed("inference/secrets", {"KEY": {"ssm": "/own/key"}}), "inference")
    assert service_settings(given, [weaker])[0]["secrets"] == {"KEY": {"ssm": "/own/key"}, "B": "text"}


def test_an_empty_model_is_a_value_and_null_is_none() -> None:
    given = services(changed("inference/model", "m2"), "inference")
    assert service_settings(given, [], {"service": "inference", "model": ""})[0]["model"] == ""
    assert service_settings(given, [], {"service": "inference", "model": None})[0]["model"] == "m2"


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ({"canary": {"min_request": 1}}, "release_canary.min_request: unknown key; did you mean min_requests?"),
        ({"retain_count": "many"}, "release_retain_count: expected a whole number, got a text"),
    ],
)
def test_a_role_s_settings_are_validated_too(layer: dict[str, Any], message: str) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        service_settings(services(TWO, "inference"), [layer])
    assert message in str(caught.value)


def test_clients_reach_a_service_by_its_first_name_unless_another_is_set() -> None:
    def door(path: str, value: Any, *layers: dict[str, Any]) -> Any:
        return service_settings(services(changed(path, value), "inference"), list(layers))[0]["front_door"]

    assert door("inference/version", "v1.0.0") == {"name": "a.test"}
    assert door("inference/version", "v1.0.0", {"front_door": {"ca": "/ca"}}) == {"name": "a.test", "ca": "/ca"}
    assert door("inference/front_door", {"name": "lb.test"}) == {"name": "lb.test"}
    assert door("inference/front_door", None) is None
    assert door("inference/domains", []) is None


def test_a_list_is_repeated_for_every_service_without_its_secrets() -> None:
    units = [{"name": "slipway-recover@{service}.timer", "fact": "{service_id} {mode}", "mode": 1}]
    first, second = per_service(units, services(TWO, "inference"))
    assert (first["name"], second["name"]) == ("slipway-recover@inference.timer", "slipway-recover@scoring-2.timer")
    assert (second["fact"], second["mode"]) == ("scoring_2 1", 1)
    assert second["vars"]["_release_service"]["canary"] == {"min_requests": 5}
    assert "hidden" not in str(second) and "fast" not in str(second)
