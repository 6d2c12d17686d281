"""The first line of the status: whether clients are served, and if not the cause and the command that fixes it."""

from __future__ import annotations

from typing import Any

import pytest
from releasectl.commands.around import Around
from releasectl.commands.report import exit_code, status
from releasectl.model.errors import Code, Failure
from releasectl.rollout.model_store import ModelStore
from releasectl.rollout.surroundings import Certificates, Leaf, Surroundings, Unit
from releasectl.startup.http_client import Reply

from .scenarios import GOLDEN, WRONG, deploy, engine, publish, request, with_live
from .simulated_host import SimulatedHost, config
from .simulation import Simulation, engine_of
from .surroundings import DOOR, REFUSED, Seen

UNTRUSTED = Reply(0, "no answer ([SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate)")
UP = Unit("loaded", "active", "enabled")
EDGE_FIX = "ansible-playbook site.yml --limit web-1 --tags edge --skip-tags rollout"
CERTIFICATES = Certificates("/etc/haproxy/certs/api.pem", "127.0.0.1:443", "/etc/letsencrypt/hook")


def served(**more: Any) -> SimulatedHost:
    return with_live("v1.0.0", **DOOR, **more)


def asked(host: SimulatedHost, door: Reply | None = None, **found: Any) -> dict[str, Any]:
    simulation = Simulation(host)
    simulation.door = door
    return status(simulation.host, None, Seen(**found))


def first_line(doc: dict[str, Any]) -> str:
    return str(doc["text"].splitlines()[0])


def test_a_good_host_serves() -> None:
    doc = asked(served())
    assert (doc["serving"], doc["serving_cause"], doc["troubles"], exit_code(doc)) == (True, None, [], 0)
    assert doc["client"]["version"] == "v1.0.0"
    assert first_line(doc).startswith("inference  serving: v1.0.0 answered golden request 'benign' with 200 in ")
    assert "v1.0.0 live on blue, healthy" in doc["text"]


def test_troubles_beside_it_are_code_1() -> None:
    units = {"slipway-recover@inference.timer": Unit("loaded", "inactive", "enabled")}
    doc = asked(served(), units=units)
    assert (doc["serving"], exit_code(doc)) == (True, 1)
    (told,) = doc["troubles"]
    assert told == (
        "the recovery timer is not active: nothing is repaired. "
        "Fix on web-1: sudo systemctl enable --now slipway-recover@inference.timer"
    )
    assert f"  TROUBLE   {told}\n" in doc["text"]


def test_a_standby_that_answers_serves_clients() -> None:
    host = served()
    deploy(host, "v2.0.0")
    doc = asked(host, Reply(200, '{"version": "v1.0.0"}'))
    assert (doc["serving"], exit_code(doc)) == (True, 1)
    assert doc["troubles"] == ["the standby v1.0.0 answers instead of v2.0.0"]
    assert first_line(doc).startswith("inference  serving: v1.0.0 answered GET /version with 200 in ")
    # Nobody stands by with that version.
    doc = asked(host, Reply(200, '{"version": "v0.9.0"}'))
    assert (doc["serving"], exit_code(doc)) == (False, 2)


def test_without_a_public_name_it_is_unknown() -> None:
    doc = asked(with_live("v1.0.0"))
    assert (doc["serving"], exit_code(doc)) == (None, 0)
    assert first_line(doc).startswith("inference  serving is unknown: no public name is configured")


def test_maintenance_names_whom_to_ask() -> None:
    host = served()
    engine(host).maintenance(True, "ops@jump", "disk swap, back at 14:00")
    doc = asked(host)
    assert (doc["serving"], exit_code(doc)) == (False, 2)
    line = first_line(doc)
    assert line.startswith("inference  NOT SERVING: maintenance since ")
    assert line.endswith(
        " by ops@jump: disk swap, back at 14:00. "
        "Confirm with ops@jump that it can end, then on web-1: "
        "sudo releasectl --service inference maintenance off --force"
    )
    assert "MAINTENANCE" not in doc["text"]


def test_nothing_is_live() -> None:
    doc = asked(SimulatedHost(config(**DOOR)))
    assert (doc["serving"], exit_code(doc)) == (False, 2)
    assert first_line(doc).startswith("inference  NOT SERVING: nothing is live")


@pytest.mark.parametrize(
    ("door", "found", "cause"),
    [
        (
            REFUSED,
            {"edge_error": "haproxy.cfg:10: unknown keyword 'maxcon' in 'global' section"},
            f"haproxy.cfg:10: unknown keyword 'maxcon' in 'global' section. Fix: {EDGE_FIX}",
        ),
        (
            REFUSED,
            {"units": {"haproxy.service": Unit("masked", "inactive", "masked")}},
            "haproxy.service is masked. Fix on web-1: sudo systemctl unmask haproxy && sudo systemctl start haproxy",
        ),
        (
            REFUSED,
            {"units": {"haproxy.service": Unit("loaded", "failed", "enabled")}},
            "haproxy.service is failed. Fix on web-1: sudo systemctl restart haproxy",
        ),
        (REFUSED, {}, f"nothing answers on port 443. Fix: {EDGE_FIX}"),
        (
            UNTRUSTED,
            {
                "certificates": Certificates(
                    CERTIFICATES.path, CERTIFICATES.served_at, CERTIFICATES.hook,
                    Leaf("aa", 0, 4e9, self_signed=True), Leaf("aa", 0, 4e9, True), Leaf("bb", 0, 4e9), True,
                )
            },
            "port 443 serves a self-signed certificate (serial aa); certbot has serial bb. "
            "Fix on web-1: sudo releasectl certificate install",
        ),
        (UNTRUSTED, {}, "clients do not trust the certificate: no answer ([SSL: CERTIFICATE_VERIFY_FAILED]"),
        (
            Reply(503, "unavailable"),
            {"units": {it: Unit("masked", "inactive", "masked") for it in ("docker.socket", "docker.service")}},
            "docker.socket and docker.service are masked. "
            "Fix on web-1: sudo systemctl unmask docker.socket docker && sudo systemctl start docker.socket docker",
        ),
        (Reply(502, "bad"), {}, "GET /version through port 443: 502 bad"),
    ],
)  # fmt: skip
def test_the_first_line_names_cause_and_fix(door: Reply, found: dict[str, Any], cause: str) -> None:
    doc = asked(served(), door, **found)
    assert (doc["serving"], exit_code(doc)) == (False, 2)
    assert first_line(doc).startswith(f"inference  NOT SERVING: {cause}")
    assert doc["serving_cause"].startswith(cause)
    # Told once to people, and kept for programs.
    assert doc["text"].count(cause) == 1


def test_docker_without_its_rules() -> None:
    host = served()
    host.cut_off = frozenset({"blue"})
    doc = asked(host)
    assert first_line(doc) == (
        "inference  NOT SERVING: the container of v1.0.0 (release 1) answers, 127.0.0.1:18080 does not reach it: "
        "Docker's rules are missing. Fix on web-1: sudo systemctl restart docker  # containers keep running"
    )


def test_a_wrong_prediction_is_not_served() -> None:
    host = served()
    publish(host, "v1.0.0", answer=WRONG)
    doc = asked(host)
    assert (doc["serving"], exit_code(doc)) == (False, 2)
    assert doc["serving_cause"] == (
        'golden request \'benign\' through port 443: answer.predictions[0].label: expected "benign", got "malignant"'
    )


def test_a_golden_request_that_takes_long_is_only_a_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    host = served()
    simulation = Simulation(host)
    was = simulation.http.ask_front_door

    def slow(request: Any) -> Reply:
        return Reply(0, "no answer within 2 s") if request.path == GOLDEN["path"] else was(request)

    monkeypatch.setattr(simulation.http, "ask_front_door", slow)
    doc = status(simulation.host, None, Seen())
    assert (doc["serving"], exit_code(doc)) == (True, 1)
    assert doc["troubles"] == ["golden request 'benign': no answer within 2 s"]


def test_an_unreadable_live_map_has_its_reload() -> None:
    host = served()
    simulation = Simulation(host)
    simulation.door = Reply(503, "")

    def get_map() -> str | None:
        raise Failure(
            Code.PREFLIGHT, "the live map has an unreadable entry ('garbage')", "sudo systemctl reload haproxy"
        )

    simulation.routing.get_map = get_map  # type: ignore[method-assign]
    doc = status(simulation.host, None, Seen())
    assert first_line(doc) == (
        "inference  NOT SERVING: the live map has an unreadable entry ('garbage'). "
        "Fix on web-1: sudo systemctl reload haproxy"
    )


def test_during_a_change_an_answer_of_the_candidate_is_an_answer() -> None:
    simulation = Simulation(served())
    simulation.door = Reply(200, '{"version": "v2.0.0"}')
    doc = status(simulation.host, "deploy v2.0.0 by bob since now", Seen())
    assert doc["serving"] is True


def test_the_newest_failure_stays_until_a_success() -> None:
    host = publish(served(), "v2.0.0", answer=WRONG)
    assert deploy(host, "v2.0.0").outcome == "failed"
    doc = asked(host)
    assert (doc["last_failure"]["version"], exit_code(doc)) == ("v2.0.0", 0)
    assert "  last failure  deploy of v2.0.0 " in doc["text"]
    assert "golden request 'benign'" in doc["text"]
    deploy(host, "v3.0.0")
    assert asked(host)["last_failure"] is None


def test_room_that_is_low() -> None:
    host = served()
    host.free_mb = 900
    (told,) = asked(host)["troubles"]
    assert told.startswith("900 MB free on Docker's disk: below 1024 MB every deploy is refused. Fix on web-1: ")


def test_the_model_store_of_the_live_release_is_asked_for() -> None:
    env = {"MODEL_STORE": "s3://models/m", "AWS_ENDPOINT_URL_S3": "https://aws.test"}
    host = served()
    deploy(host, "v2.0.0", env=env, options={"hosts": {"aws.test": "10.0.0.1"}})
    asked_for: list[ModelStore | None] = []

    class Asking(Around):
        def read(self, image: str | None, store: ModelStore | None) -> Surroundings:
            asked_for.append(store)
            return Surroundings()

    status(Simulation(host).host, None, Asking())
    status(Simulation(served()).host, None, Asking())
    assert asked_for == [ModelStore("aws.test", 443, "10.0.0.1"), None]


def test_a_running_change_is_told_with_its_reason() -> None:
    host = publish(served(), "v2.0.0")
    simulation = Simulation(host)
    reported: list[dict[str, Any]] = []
    begin = simulation.routing.set_map

    def set_map(*arguments: Any, **more: Any) -> None:
        reported.append(status(Simulation(host.copy()).host, "deploy v2.0.0 by alice since now", Seen()))
        begin(*arguments, **more)

    simulation.routing.set_map = set_map  # type: ignore[method-assign]
    assert engine_of(simulation).deploy(request("v2.0.0")).outcome == "live"
    assert reported[0]["reason"] == "because"
    assert "  running   deploy v2.0.0 by alice since now: because\n" in reported[0]["text"]
