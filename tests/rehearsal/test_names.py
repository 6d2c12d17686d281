"""What Route 53's zones answer."""

from __future__ import annotations

import pytest

from rehearsal.names import Answer, Record, Zone, resolve, static

ZONES = (
    Zone(
        "example.com.",
        (
            Record("example.com.", "NS", 60, ("ns-1.awsdns-01.org.",)),
            Record("www.example.com.", "CNAME", 60, ("api.dev.example.com.",)),
            Record("\\052.apps.example.com.", "A", 60, ("10.0.0.1",)),
            Record("a.b.apps.example.com.", "A", 60, ("10.0.0.2",)),
            Record("door.example.com.", "A", 60, (), alias="lb.example.com."),
            Record("lb.example.com.", "A", 60, ("10.0.0.3",)),
            Record("loop.example.com.", "CNAME", 60, ("loop.example.com.",)),
        ),
    ),
    Zone("dev.example.com.", (Record("api.dev.example.com.", "A", 300, ("54.1.2.3",)),)),
)


def values(name: str, kind: str = "A") -> list[tuple[str, str, tuple[str, ...]]]:
    answer = resolve(name, kind, ZONES)
    assert answer is not None and answer.code == "NOERROR"
    return [(r.name, r.type, r.values) for r in answer.records]


def test_the_longest_zone_answers_and_case_does_not_count() -> None:
    assert values("API.dev.example.com") == [("api.dev.example.com.", "A", ("54.1.2.3",))]


def test_a_cname_is_followed_into_another_zone() -> None:
    assert [r[1:] for r in values("www.example.com")] == [
        ("CNAME", ("api.dev.example.com.",)),
        ("A", ("54.1.2.3",)),
    ]


def test_an_alias_answers_under_the_name_that_was_asked_for() -> None:
    assert values("door.example.com") == [("door.example.com.", "A", ("10.0.0.3",))]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("x.apps.example.com", ("10.0.0.1",)),
        ("x.y.apps.example.com", ("10.0.0.1",)),
        ("a.b.apps.example.com", ("10.0.0.2",)),
    ],
)
def test_a_wildcard_answers_where_there_is_no_name(name: str, expected: tuple[str, ...]) -> None:
    assert [r[2] for r in values(name)] == [expected]


def test_a_name_without_that_type_exists_and_an_unknown_one_does_not() -> None:
    assert resolve("api.dev.example.com", "AAAA", ZONES) == Answer((), "NOERROR")
    assert resolve("b.apps.example.com", "A", ZONES) == Answer((), "NOERROR")
    assert resolve("nobody.example.com", "A", ZONES) == Answer((), "NXDOMAIN")


def test_a_loop_ends() -> None:
    answer = resolve("loop.example.com", "A", ZONES)
    assert answer is not None and answer.code == "SERVFAIL"


def test_other_names_are_not_ours() -> None:
    assert resolve("deb.debian.org", "A", ZONES) is None


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("acme.rehearsal.test.", "10.20.255.251"),
        ("S3.eu-central-1.amazonaws.com.", "10.20.255.253"),
        ("amazonaws.com.", None),
        ("deb.debian.org.", None),
    ],
)
def test_played_services_have_their_own_names(name: str, address: str | None) -> None:
    names = {"acme.rehearsal.test": "10.20.255.251", "*.amazonaws.com": "10.20.255.253"}
    assert static(name, names) == address
