"""The request: what is wrong is named, what is left out comes from the live release, no value is ever shown."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from releasectl.documents.request import env_file, read_env_file, read_request
from releasectl.model.errors import Code, Failure
from releasectl.model.model import Gates, Options, Ref, Release, SecretVersion, Settings

from .scenarios import GOLDEN, SECRET, image, request


def refused(document: Any, base: tuple[Release, Settings] | None = None) -> Failure:
    with pytest.raises(Failure) as caught:
        read_request(document, base)
    assert caught.value.code == Code.USAGE
    assert SECRET not in caught.value.cause
    return caught.value


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"version": None}, "request.version"),
    ({"version": "latest"}, "request.version"),
    ({"version": "1.2.3"}, "request.version"),
    ({"version": "v1.2"}, "request.version"),
    ({"version": "v1.2.3\n"}, "request.version"),
    ({"version": 1}, "request.version"),
    ({"image": "registry.example/inference:v1.0.0"}, "request.image"),
    ({"image": "registry.example/inference@sha256:abc"}, "request.image"),
    ({"image": "--privileged@sha256:" + "0" * 64}, "request.image"),
    ({"image": 5}, "request.image"),
    ({"verson": "v1.0.0"}, "request.verson"),
    ({"env": []}, "request.env"),
    ({"env": {"A-B": "x"}}, "request.env"),
    ({"env": {"1A": "x"}}, "request.env"),
    ({"env": {"A": 1}}, "request.env.A"),
    ({"env": {"A": "two\nlines"}}, "request.env.A"),
    ({"env": {"A": "nul\0"}}, "request.env.A"),
    ({"env": {"A": "x" * 60_001}}, "request.env.A"),
    ({"env": {"A": "\ud800"}}, "request.env.A"),
    ({"secrets": {"TOKEN": SECRET + "\n"}}, "request.secrets.TOKEN"),
    ({"secrets": {"TOKEN": [SECRET]}}, "request.secrets.TOKEN"),
    ({"secrets": {"LOG_LEVEL": SECRET}}, "request.secrets"),
    ({"secret_versions": {"X": {"source": "ssm:/x", "version": "1"}}}, "request.secret_versions"),
    ({"secret_versions": {"TOKEN": {"source": "ssm:/x", "value": SECRET}}}, "request.secret_versions.TOKEN.value"),
    ({"secrets": None, "secret_versions": {}}, "request.secret_versions"),
    ({"model_version": 3}, "request.model_version"),
    ({"by": 3}, "request.by"),
    ({"options": []}, "request.options"),
    ({"options": {"ram": "1g"}}, "request.options.ram"),
    ({"options": {"memory": 512}}, "request.options.memory"),
    ({"options": {"memory": "0"}}, "request.options.memory"),
    ({"options": {"memory": "1gig"}}, "request.options.memory"),
    ({"options": {"cpus": "0"}}, "request.options.cpus"),
    ({"options": {"cpus": 1}}, "request.options.cpus"),
    ({"options": {"pids": 0}}, "request.options.pids"),
    ({"options": {"pids": True}}, "request.options.pids"),
    ({"options": {"container_port": 65536}}, "request.options.container_port"),
    ({"options": {"stop_timeout_s": -1}}, "request.options.stop_timeout_s"),
    ({"options": {"user": "--privileged"}}, "request.options.user"),
    ({"options": {"tmpfs": "/tmp"}}, "request.options.tmpfs"),
    ({"options": {"tmpfs": ["tmp"]}}, "request.options.tmpfs"),
    ({"gates": []}, "request.gates"),
    ({"gates": {"liveness": "/health"}}, "request.gates.liveness"),
    ({"gates": {"liveness_path": "health"}}, "request.gates.liveness_path"),
    ({"gates": {"readiness_path": "/a b"}}, "request.gates.readiness_path"),
    ({"gates": {"version_path": 1}}, "request.gates.version_path"),
    ({"gates": {"golden": {}}}, "request.gates.golden"),
    ({"gates": {"golden": ["x"]}}, "request.gates.golden[0]"),
    ({"gates": {"golden": [GOLDEN, {**GOLDEN, "name": ""}]}}, "request.gates.golden[1].name"),
    ({"gates": {"golden": [{**GOLDEN, "path": None}]}}, "request.gates.golden[0].path"),
    ({"gates": {"golden": [{**GOLDEN, "method": "get"}]}}, "request.gates.golden[0].method"),
    ({"gates": {"golden": [{**GOLDEN, "status": 99}]}}, "request.gates.golden[0].status"),
    ({"gates": {"golden": [{**GOLDEN, "tolerance": -1}]}}, "request.gates.golden[0].tolerance"),
    ({"gates": {"golden": [{**GOLDEN, "tolerance": float("nan")}]}}, "request.gates.golden[0].tolerance"),
    ({"gates": {"golden": [{**GOLDEN, "tolerence": 1}]}}, "request.gates.golden[0].tolerence"),
    ({"gates": {"golden": [{**GOLDEN, "headers": ["X-A"]}]}}, "request.gates.golden[0].headers"),
    ({"gates": {"golden": [{**GOLDEN, "headers": {"X A": "x"}}]}}, "request.gates.golden[0].headers"),
    ({"gates": {"golden": [{**GOLDEN, "headers": {"X-A": 1}}]}}, "request.gates.golden[0].headers.X-A"),
    (
        {"gates": {"golden": [{**GOLDEN, "headers": {"X-A": SECRET + "\r\nX-B: y"}}]}},
        "request.gates.golden[0].headers.X-A",
    ),
    ({"gates": {"golden": [{**GOLDEN, "headers": {"X-A": {"secrets": "K"}}}]}}, "request.gates.golden[0].headers.X-A"),
    ({"gates": {"golden": [{**GOLDEN, "headers": {"X-A": {}}}]}}, "request.gates.golden[0].headers.X-A.secret"),
    ({"gates": {"golden": [{**GOLDEN, "headers": {"X-A": "1", "x-a": "2"}}]}}, "request.gates.golden[0].headers.x-a"),
    (
        {"gates": {"golden": [{**GOLDEN, "headers": {"Content-Length": "1"}}]}},
        "request.gates.golden[0].headers.Content-Length",
    ),
    ({"options": {"cache": "models"}}, "request.options.cache"),
    ({"options": {"cache": "/a,readonly"}}, "request.options.cache"),
    ({"options": {"cache": "/a/../b"}}, "request.options.cache"),
    ({"options": {"cache": "/tmp"}}, "request.options.cache"),
    ({"options": {"cache": "/models", "user": "service"}}, "request.options.user"),
    ({"options": {"cache": "/models", "user": "0:0"}}, "request.options.user"),
    ({"options": {"ca": "ca.pem"}}, "request.options.ca"),
    ({"options": {"hosts": ["a:1.2.3.4"]}}, "request.options.hosts"),
    ({"options": {"hosts": {"a b": "1.2.3.4"}}}, "request.options.hosts"),
    ({"options": {"hosts": {"a.b": "1.2.3"}}}, "request.options.hosts.a.b"),
    ({"options": {"hosts": {"a.b": 1}}}, "request.options.hosts.a.b"),
    ({"registry_auth": {"username": "AWS"}}, "request.registry_auth.password"),
    ({"registry_auth": {"username": "AWS", "password": SECRET, "token": "x"}}, "request.registry_auth.token"),
    ({"registry_auth": SECRET}, "request.registry_auth"),
]


@pytest.mark.parametrize(("changed", "where"), WRONG, ids=[f"{where}-{n}" for n, (_, where) in enumerate(WRONG)])
def test_what_is_wrong_is_named(changed: dict[str, Any], where: str) -> None:
    cause = refused(request("v1.0.0", **changed)).cause
    assert cause.startswith((f"{where}:", f"{where}.", f"{where} ")), cause


@pytest.mark.parametrize("document", [None, [], "v1.0.0", 7])
def test_a_request_is_an_object(document: Any) -> None:
    assert "expected a JSON object" in refused(document).cause


def test_a_whole_request_is_read() -> None:
    it = read_request(request("v1.4.2-rc.1", registry_auth={"username": "AWS", "password": SECRET}), None)
    assert (it.version, it.image, it.by) == ("v1.4.2-rc.1", image("v1.4.2-rc.1"), "alice")
    assert it.settings == Settings({"LOG_LEVEL": "info"}, {"TOKEN": SECRET})
    assert it.gates.golden[0].expect == GOLDEN["expect"]
    assert it.options == Options()
    assert SECRET not in repr(it)


BASE = (
    Release(
        Ref(1, "v1.0.0", image("v1.0.0")),
        Options(memory="2g"),
        Gates(version_path="/version"),
        ("A",),
        ("S",),
        "x",
        "",
        0.0,
        (SecretVersion("S", "ssm:/s", "3"),),
    ),
    Settings({"A": "1"}, {"S": SECRET}),
)


def test_what_is_left_out_is_taken_from_the_live_release() -> None:
    it = read_request({"version": "v2.0.0"}, BASE)
    assert (it.image, it.options, it.gates, it.settings) == (None, BASE[0].options, BASE[0].gates, BASE[1])
    assert it.model_version is None and it.secret_versions == BASE[0].secret_versions


def test_what_is_named_replaces_it_as_a_whole() -> None:
    it = read_request({"version": "v2.0.0", "env": {}, "secrets": {}, "options": {"cpus": "2"}, "gates": {}}, BASE)
    assert it.settings == Settings() and it.secret_versions == ()
    assert (it.options, it.gates) == (Options(cpus="2"), Gates())


def test_a_variable_has_one_home_even_when_one_of_them_is_inherited() -> None:
    assert "S" in refused({"version": "v2.0.0", "env": {"S": "x"}}, BASE).cause


def test_who_and_why_are_one_printable_line() -> None:
    it = read_request(request("v1.0.0", by="al\nice\x1b[31m", reason="x" * 900), None)
    assert it.by == "al ice [31m" and len(it.reason) == 500


def test_the_model_version_is_one_printable_line() -> None:
    it = read_request(request("v1.0.0", model_version="m\n\ud8001"), None)
    assert it.model_version == "m  1"


VALUES = st.text(st.characters(exclude_characters="\n\r\0", exclude_categories=["Cs"]), max_size=50)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True)


@given(st.dictionaries(NAMES, VALUES))
def test_an_env_file_gives_back_what_was_put_in(variables: dict[str, str]) -> None:
    assert read_env_file(env_file(variables), "app.env") == variables


def test_an_env_file_may_have_comments_and_its_errors_have_line_numbers() -> None:
    assert read_env_file("# a\n\n  B=c=d \n", "x.env") == {"B": "c=d "}
    with pytest.raises(Failure, match=r"x\.env:2: expected NAME=value"):
        read_env_file("A=1\nB\n", "x.env")
