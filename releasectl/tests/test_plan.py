"""Which release is meant, in which slot."""

from __future__ import annotations

from typing import Any

import pytest
from releasectl.documents.request import read_request
from releasectl.model.errors import Code, Failure
from releasectl.model.journal import Intent
from releasectl.model.model import Gates, Live, Options, Ref, Release, Settings, Standby, State
from releasectl.rollout import plan

from .scenarios import image, request
from .simulated_host import config

SETTINGS = Settings({"LOG_LEVEL": "info"}, {"TOKEN": "t"})


def release(number: int, version: str, **changed: Any) -> Release:
    values = {
        "ref": Ref(number, version, image(version), f"m-{version}"),
        "options": Options(),
        "gates": Gates(),
        "env_keys": ("LOG_LEVEL",),
        "secret_keys": ("TOKEN",),
        "by": "alice",
        "reason": "",
        "created": 0.0,
    }
    return Release(**{**values, **changed})


RELEASES = {1: release(1, "v1.0.0"), 2: release(2, "v2.0.0"), 3: release(3, "v1.0.0")}
REF = {number: it.ref for number, it in RELEASES.items()}


def state(
    live: int | None = None, previous: int | None = None, via: str = "deploy", standby: int | None = None
) -> State:
    return State(
        Live(REF[live], "blue", 1.0, via) if live else None,
        Standby(REF[standby], "green", 1.0, 901.0) if standby else None,
        REF[previous] if previous else None,
    )


def resolved(version: str, now: State, **changed: Any) -> tuple[Release, bool]:
    secrets = {"secrets": {"TOKEN": "t"}, "gates": {}}
    parsed = read_request(request(version, **{**secrets, **changed}), None)
    return plan.resolve_release(parsed, RELEASES, now, settings_of=lambda _: SETTINGS, next_id=lambda: 4, now=5.0)


def test_an_unknown_version_is_a_new_release() -> None:
    found, fresh = resolved("v3.0.0", state(2))
    assert (found.ref, fresh) == (Ref(4, "v3.0.0", image("v3.0.0"), "m-v3.0.0"), True)
    assert (found.env_keys, found.secret_keys, found.created) == (("LOG_LEVEL",), ("TOKEN",), 5.0)


def test_the_same_request_is_the_recorded_release() -> None:
    assert resolved("v2.0.0", state(1)) == (RELEASES[2], False)


def test_of_identical_releases_the_live_one_is_meant_and_else_the_newest() -> None:
    assert resolved("v1.0.0", state(1)) == (RELEASES[1], False)
    assert resolved("v1.0.0", state(2)) == (RELEASES[3], False)


@pytest.mark.parametrize(
    "changed",
    [
        {"env": {"LOG_LEVEL": "debug"}},
        {"secrets": {"TOKEN": "other"}},
        {"options": {"memory": "1g"}},
        {"gates": {"version_path": "/version"}},
        {"model_version": "m-2"},
    ],
    ids=lambda it: next(iter(it)),
)
def test_whatever_differs_makes_a_new_release_of_the_same_version(changed: dict[str, Any]) -> None:
    found, fresh = resolved("v2.0.0", state(2), **changed)
    assert (found.ref.id, found.ref.version, fresh) == (4, "v2.0.0", True)


def test_a_recorded_version_needs_no_image() -> None:
    assert resolved("v2.0.0", state(1), image=None) == (RELEASES[2], False)


def test_a_version_that_is_not_recorded_needs_one() -> None:
    with pytest.raises(Failure, match=r"request\.image: v9\.0\.0 is not recorded here") as caught:
        resolved("v9.0.0", state(1), image=None)
    assert caught.value.code == Code.USAGE
    assert "v1.0.0 (release 3), v2.0.0 (release 2), v1.0.0 (release 1)" in (caught.value.hint or "")


def test_a_moved_tag_is_refused() -> None:
    with pytest.raises(Failure, match="the tag moved") as caught:
        resolved("v2.0.0", state(1), image=image("v2.0.1"))
    assert caught.value.code == Code.USAGE


def test_another_repository_with_the_same_digest_is_a_new_release() -> None:
    elsewhere = image("v2.0.0").replace("registry.example", "mirror.example")
    found, fresh = resolved("v2.0.0", state(1), image=elsewhere)
    assert (found.ref.image, fresh) == (elsewhere, True)


def back(to: str | None, now: State) -> int:
    return plan.rollback_target(to, RELEASES, now).ref.id


def test_a_rollback_means_what_was_live_before() -> None:
    assert back(None, state(2, previous=1)) == 1


def test_a_rollback_can_be_told_its_version_or_id() -> None:
    assert back("v2.0.0", state(3)) == 2
    assert back("1", state(2)) == 1
    assert back("v1.0.0", state(2)) == 3
    assert back("v1.0.0", state(1)) == 1


@pytest.mark.parametrize("to", ["v9.0.0", "9", "", "latest", "²", "١", "-1", "1.0", "9" * 5000])
def test_an_unknown_target_lists_what_there_is(to: str) -> None:
    with pytest.raises(Failure, match="not recorded") as caught:
        back(to, state(2))
    assert caught.value.code == Code.UNKNOWN
    assert "v1.0.0 (release 3), v2.0.0 (release 2)" in (caught.value.hint or "")


def test_after_a_rollback_the_next_one_needs_a_name() -> None:
    with pytest.raises(Failure, match="already live by a rollback from v2") as caught:
        back(None, state(1, previous=2, via="rollback"))
    assert caught.value.code == Code.UNKNOWN
    assert back("2", state(1, previous=2, via="rollback")) == 2


@pytest.mark.parametrize("now", [State(), state(1)])
def test_without_a_release_before_there_is_no_way_back(now: State) -> None:
    with pytest.raises(Failure, match="no release was live before"):
        back(None, now)


def test_a_release_that_is_no_longer_recorded_is_no_way_back() -> None:
    gone = State(Live(REF[2], "blue", 1.0, "deploy"), None, Ref(9, "v0.9.0", image("v0.9.0")))
    with pytest.raises(Failure, match=r"v0\.9\.0 \(release 9\) is no longer recorded"):
        back(None, gone)


def intent_for(target: int, now: State, running: bool = True) -> Intent:
    return plan.build_intent(
        kind="deploy",
        txn="t",
        target=REF[target],
        fresh=False,
        running=running,
        state=now,
        config=config(),
        by="a",
        reason="b",
        now=5.0,
    )


def test_the_slot_is_the_one_that_is_not_live() -> None:
    assert intent_for(1, State()).slot == "blue"
    assert intent_for(2, state(1)).slot == "green"


def test_a_running_standby_is_adopted_and_another_displaced() -> None:
    warm = intent_for(2, state(1, standby=2))
    assert (warm.adopt, warm.displaces, warm.base) == (True, False, warm.before)
    for other in (intent_for(3, state(1, standby=2)), intent_for(2, state(1, standby=2), running=False)):
        assert (other.adopt, other.displaces, other.base.standby) == (False, True, None)


def test_a_diff_has_names_and_no_values() -> None:
    changed = plan.changed_keys(SETTINGS, Settings({"LOG_LEVEL": "debug", "NEW": "1"}, {"TOKEN": "hidden"}))
    assert changed == ("LOG_LEVEL", "TOKEN")
    found = plan.diff(RELEASES[1], RELEASES[2], changed)
    assert found["before"]["version"] == "v1.0.0" and found["after"]["version"] == "v2.0.0"
    assert found["after"]["values_changed"] == ["LOG_LEVEL", "TOKEN"]
    assert found["after"]["env"] == ["LOG_LEVEL"] and "hidden" not in str(found)
    assert plan.diff(None, RELEASES[1], ())["before"] == {}


@pytest.mark.parametrize(
    ("live", "wanted", "refused"),
    [
        ("v2.0.0", "v1.0.0", True),
        ("v1.10.0", "v1.9.0", True),
        ("v2.0.0", "v2.0.0-rc.1", True),
        ("v2.0.0", "v2.0.0", False),
        ("v2.0.0-rc.1", "v2.0.0", False),
        ("v1.9.0", "v1.10.0", False),
    ],
)
def test_a_deploy_that_names_no_version_never_goes_back(live: str, wanted: str, refused: bool) -> None:
    now = State(Live(Ref(1, live, image(live), None), "blue", 0.0, "deploy"))
    plan.refuse_older(read_request(request(wanted), None), now)
    forward = read_request(request(wanted, forward_only=True), None)
    plan.refuse_older(forward, State())
    if not refused:
        plan.refuse_older(forward, now)
        return
    with pytest.raises(Failure) as failure:
        plan.refuse_older(forward, now)
    assert failure.value.code == Code.PREFLIGHT
    assert f"the version in the inventory, {wanted}, is older than the live {live} (" in failure.value.cause
    assert f"to {live}, or deploy the older one with VERSION={wanted}." in str(failure.value.hint)
