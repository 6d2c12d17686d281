"""What is written is what is read again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from releasectl.documents import codec
from releasectl.documents.timestamps import age, parse, rfc3339
from releasectl.model.errors import Failure
from releasectl.model.journal import Entry, Intent, Mark
from releasectl.model.model import Gates, Golden, Header, Live, Options, Ref, Release, SecretVersion, Standby, State

from .strategies import JSON, TEXT

TIMES = st.integers(0, 4_000_000_000_000).map(lambda ms: parse(rfc3339(ms / 1000)))
PATHS = st.from_regex(r"/[!-~]{0,10}", fullmatch=True)
SLOTS = st.sampled_from(["blue", "green"])
refs = st.builds(Ref, st.integers(1, 2**31), TEXT, TEXT, st.none() | TEXT)
states = st.builds(
    State,
    st.none() | st.builds(Live, refs, SLOTS, TIMES, st.sampled_from(["deploy", "rollback"])),
    st.none() | st.builds(Standby, refs, SLOTS, TIMES, TIMES, st.none() | st.floats(0, 1e9)),
    st.none() | refs,
)
NAMES = st.from_regex(r"X-[A-Za-z0-9]{1,8}", fullmatch=True)
headers = st.builds(Header, NAMES, st.from_regex(r"[!-~]{1,9}", fullmatch=True)) | st.builds(
    Header, NAMES, secret=st.from_regex(r"[A-Z]{1,9}", fullmatch=True)
)
goldens = st.builds(
    Golden,
    name=st.from_regex(r"[a-z]{1,20}", fullmatch=True),
    path=PATHS,
    method=st.sampled_from(["GET", "POST"]),
    body=JSON,
    status=st.integers(100, 599),
    expect=JSON,
    tolerance=st.floats(0, 10),
    headers=st.lists(headers, max_size=3, unique_by=lambda it: it.name.lower()).map(tuple),
)
releases = st.builds(
    Release,
    ref=refs,
    options=st.builds(
        Options,
        memory=st.sampled_from(["1g", "512m", "17"]),
        cpus=st.sampled_from(["1", "0.5"]),
        pids=st.integers(1, 1000),
        container_port=st.integers(1, 65535),
        stop_timeout_s=st.integers(0, 3600),
        user=st.sampled_from(["1:1", "10001:10001"]),
        cache=st.sampled_from([None, "/var/cache/models"]),
        ca=st.sampled_from([None, "/etc/ca.pem"]),
        hosts=st.sampled_from([(), (("a.test", "10.0.0.1"), ("b", "::1"))]),
        tmpfs=st.lists(PATHS, max_size=3).map(tuple),
    ),
    gates=st.builds(Gates, PATHS, PATHS, st.none() | PATHS, st.lists(goldens, max_size=2).map(tuple)),
    env_keys=st.lists(TEXT, max_size=3).map(tuple),
    secret_keys=st.lists(TEXT, max_size=3).map(tuple),
    by=TEXT,
    reason=TEXT,
    created=TIMES,
    secret_versions=st.sampled_from(
        [(), (SecretVersion("A", "ssm:/a", "3"), SecretVersion("B", "secretsmanager:b", "v"))]
    ),
)
intents = st.builds(
    Intent,
    TEXT,
    st.sampled_from(["deploy", "rollback"]),
    refs,
    SLOTS,
    st.booleans(),
    st.booleans(),
    states,
    TEXT,
    TEXT,
    TIMES,
)
marks = st.builds(Mark, TIMES, TEXT, TEXT, st.sampled_from(["before", "after"])) | st.builds(
    Mark, TIMES, TEXT, TEXT, st.just("undo"), TEXT, st.integers(0, 9)
)
entries = st.builds(
    Entry,
    txn=TEXT,
    kind=TEXT,
    outcome=st.sampled_from(["live", "failed"]),
    release=refs,
    slot=SLOTS,
    previous=st.none() | refs,
    by=TEXT,
    reason=TEXT,
    started=TIMES,
    ended=TIMES,
    phases=st.lists(st.tuples(TEXT, st.integers(0, 10**6).map(lambda ms: ms / 1000)), max_size=3).map(tuple),
    cause=st.none() | TEXT,
    recovered=st.booleans(),
    logs=st.lists(TEXT, max_size=3).map(tuple),
)


def through_json(doc: Any) -> Any:
    return json.loads(json.dumps(doc))


@given(states)
def test_a_state_comes_back(state: State) -> None:
    assert codec.read_state(through_json(codec.state_doc(state))) == state


@given(intents)
def test_an_intent_comes_back(intent: Intent) -> None:
    assert codec.read_intent(through_json(codec.intent_doc(intent))) == intent


@given(marks)
def test_a_mark_comes_back(mark: Mark) -> None:
    assert codec.read_mark(through_json(codec.mark_doc(mark))) == mark


@given(entries)
def test_an_entry_comes_back(entry: Entry) -> None:
    assert codec.read_entry(through_json(codec.entry_doc(entry))) == entry


@given(releases)
def test_a_release_comes_back(release: Release) -> None:
    assert codec.read_release(through_json(codec.release_doc(release)), "release") == release


def test_an_engine_from_before_headers_and_mounts_can_read_what_needs_none() -> None:
    bare = Release(Ref(1, "v1.0.0", "i"), Options(), Gates(golden=(Golden("a", "/"),)), (), (), "", "", 0.0)
    doc = codec.release_doc(bare)
    assert not {"cache", "ca", "hosts"} & set(doc["options"]) and "headers" not in doc["gates"]["golden"][0]


@given(JSON, st.sampled_from([codec.read_state, codec.read_intent, codec.read_mark, codec.read_entry]))
def test_anything_else_is_refused_in_an_orderly_way(doc: Any, read: Any) -> None:
    with pytest.raises((Failure, ValueError)):
        read(doc)


@given(states, st.data())
def test_a_state_with_something_missing_or_wrong_is_never_read_as_another(state: State, data: st.DataObject) -> None:
    doc = through_json(codec.state_doc(state))
    key = data.draw(st.sampled_from(["schema", "live", "standby", "previous"]))
    if doc[key] is None:
        return
    doc[key] = data.draw(st.sampled_from(["x", -1, [], {}, 2]))
    with pytest.raises((Failure, ValueError)):
        codec.read_state(doc)


@given(st.floats(0, 4e9))
def test_times_are_kept_to_the_millisecond(epoch_s: float) -> None:
    assert abs(parse(rfc3339(epoch_s)) - epoch_s) <= 0.00101
    assert rfc3339(parse(rfc3339(epoch_s))) == rfc3339(epoch_s)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0s"), (0, "0s"), (119.9, "119s"), (120, "2m"), (7199, "119m"), (7200, "2h"), (172_800, "2d"), (1e6, "11d")],
)
def test_ages_are_short(seconds: float, text: str) -> None:
    assert age(seconds) == text


def test_a_time_is_utc_with_milliseconds() -> None:
    assert rfc3339(1_769_832_306.789) == "2026-01-31T04:05:06.789Z"
    assert parse("2026-01-31T04:05:06.789Z") == 1_769_832_306.789
