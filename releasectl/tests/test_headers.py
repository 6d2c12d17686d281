"""Every request of the engine to a slot looks like one that HAProxy passes on, with the headers that gates ask for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from releasectl.adapter import Devices
from releasectl.documents.fields import Fields
from releasectl.documents.release_fields import gates_doc, read_gates
from releasectl.host.paths import Paths
from releasectl.model.errors import Failure
from releasectl.model.model import EDGE_OWNED, FrontDoor, Gates, Header, Options, Ref, Release, Settings
from releasectl.rollout.ports import ProbeRequest
from releasectl.startup.fast_dataclass import replace

from .http_server import server
from .scenarios import SECRET, publish, request, with_live
from .simulated_host import config
from .simulation import Simulation, engine_of

ROOT = Path(__file__).parents[2]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
REF = Ref(1, "v1.0.0", "registry.example/inference@sha256:" + "0" * 64)
KEYED = (Header("X-Api-Key", secret="TOKEN"), Header("host", "internal.example"))


def host_with(tmp_path: Path, headers: tuple[Header, ...], door: FrontDoor | None, port: int = 1) -> Devices:
    settings = replace(config(), front_door=door, slots={"blue": port, "green": 1})
    host = Devices(Paths(str(tmp_path)), settings)
    host.records.prepare()
    release = Release(REF, Options(), Gates(headers=headers), (), ("TOKEN",), "ana", "", 5.0)
    host.records.write_release(release, Settings({}, {"TOKEN": SECRET}))
    host.records.link("blue", 1)
    return host


def sent(asked: list[bytes]) -> dict[str, str]:
    lines = asked[0].decode().split("\r\n\r\n")[0].split("\r\n")[1:]
    return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


def test_a_slot_is_asked_as_by_the_edge(tmp_path: Path) -> None:
    with server(OK) as (port, asked):
        host = host_with(tmp_path, (), FrontDoor("api.example.com"), port)
        assert host.http.probe("blue", ProbeRequest("/ready", 5)).body == "ok"
    headers = sent(asked)
    assert headers["host"] == headers["x-forwarded-host"] == "api.example.com"
    assert (headers["x-forwarded-proto"], headers["x-forwarded-port"]) == ("https", "443")


def test_without_a_name_the_host_is_the_port_s(tmp_path: Path) -> None:
    with server(OK) as (port, asked):
        host_with(tmp_path, (), None, port).http.probe("blue", ProbeRequest("/ready", 5))
    assert sent(asked)["host"] == f"127.0.0.1:{port}" and sent(asked)["x-forwarded-proto"] == "https"


def test_the_gates_headers_go_with_every_question_and_a_golden_request_s_own_before_them(tmp_path: Path) -> None:
    with server(OK) as (port, asked):
        host = host_with(tmp_path, KEYED, FrontDoor("*.example.com"), port)
        host.http.probe("blue", ProbeRequest("/predict", 5, "POST", {}, {"x-api-key": "another"}))
    headers = sent(asked)
    assert (headers["host"], headers["x-api-key"]) == ("internal.example", "another")
    assert asked[0].lower().count(b"host:") == 2, "Host and X-Forwarded-Host, each once"
    assert host.http.headers.to_slot("blue")["X-Api-Key"] == SECRET and host.http.headers.to_slot("green").keys() == {
        "X-Forwarded-Proto", "X-Forwarded-Port", "Host", "X-Forwarded-Host",
    }  # fmt: skip


def test_the_front_door_hears_the_live_release_s_headers_but_for_those_of_the_edge(tmp_path: Path) -> None:
    host = host_with(tmp_path, KEYED, FrontDoor("*.example.com"))
    assert host.http.headers.to_front_door() == {}, "nothing is live"
    host.records.write_map("blue")
    assert host.http.headers.to_front_door() == {"X-Api-Key": SECRET}
    assert FrontDoor("*.example.com").host == "any.example.com"


def test_secrets_that_cannot_be_read_are_no_answer(tmp_path: Path) -> None:
    host = host_with(tmp_path, KEYED, None)
    (tmp_path / "var/lib/slipway/inference/releases/1/secrets.env").unlink()
    with pytest.raises(Failure, match="the secrets of release 1 cannot be read"):
        host.http.headers.to_slot("blue")
    reply = host.http.probe("blue", ProbeRequest("/ready", 5))
    assert reply.status == 0 and "secrets of release 1" in reply.body


def test_what_haproxy_sets_is_what_the_engine_sets() -> None:
    text = (ROOT / "roles/edge/templates/etc/haproxy/haproxy.cfg").read_text()
    assert {it.lower() for it in re.findall(r"http-request set-header (X-Forwarded-\S+|Host) ", text)} | {
        "host"
    } == set(EDGE_OWNED)


def test_a_record_without_headers_is_one_that_older_engines_read() -> None:
    assert "headers" not in gates_doc(Gates())
    gates = Gates(headers=KEYED)
    assert read_gates(Fields(gates_doc(gates), "gates")) == gates


@pytest.mark.parametrize("right", [True, False])
def test_paths_behind_a_key(right: bool) -> None:
    host = publish(with_live("v1.0.0"), "v2.0.0")
    gates = {"version_path": "/version", "headers": {"X-Api-Key": {"secret": "TOKEN" if right else "TOKENS"}}}
    result = engine_of(Simulation(host)).deploy(request("v2.0.0", gates=gates, secrets={"TOKEN": SECRET}))
    assert result.code == (0 if right else 2), result.cause
    assert right or "request.gates.headers.X-Api-Key: the release has no secret TOKENS" in (result.cause or "")
