"""What the status finds around a service: units, certificates, registry, clock."""

from __future__ import annotations

import socket
import ssl
from datetime import timedelta

import pytest
from cryptography import x509
from releasectl.edge.served import config_error, parse_leaf
from releasectl.host import surroundings as look
from releasectl.host.command import Done
from releasectl.rollout.capacity import Memory
from releasectl.rollout.model_store import ModelStore, model_store
from releasectl.rollout.surrounding_findings import (
    certificate_findings,
    records_room_findings,
    registry_findings,
    room_findings,
    store_findings,
    unit_findings,
)
from releasectl.rollout.surroundings import Certificates, DiskRoom, Leaf, Surroundings, Unit

from .certificates import pair

SHOWN = """\
Id=docker.service
LoadState=masked
ActiveState=inactive
UnitFileState=masked
ConditionResult=yes

Id=systemd-timesyncd.service
LoadState=loaded
ActiveState=inactive
UnitFileState=enabled
ConditionResult=no

LoadState=not-found
ActiveState=inactive
UnitFileState=
ConditionResult=no
Id=nosuch.service
"""


def test_units_are_read() -> None:
    units = look.parse_units(SHOWN)
    assert units["docker.service"].masked and not units["docker.service"].up
    # Its condition keeps it down in a container, where the clock is somebody else's.
    assert units["systemd-timesyncd.service"].up
    assert not units["nosuch.service"].exists


@pytest.mark.parametrize(
    ("unit", "state", "fix"),
    [
        (Unit("loaded", "inactive", "enabled"), "not active", ""),
        (Unit("loaded", "active", "disabled"), "disabled", ""),
        (Unit("loaded", "failed", "enabled"), "failed", ""),
        (Unit("masked", "inactive", "masked"), "masked", "sudo systemctl unmask slipway-recover@inference.timer && "),
    ],
)
def test_the_recovery_timer(unit: Unit, state: str, fix: str) -> None:
    (found,) = unit_findings(Surroundings({"slipway-recover@inference.timer": unit}), "inference")
    assert found.cause.startswith(f"the recovery timer is {state}")
    assert found.fix == f"{fix}sudo systemctl enable --now slipway-recover@inference.timer"


def test_all_is_well() -> None:
    units = {
        "docker.service": Unit("loaded", "active", "enabled"),
        "haproxy.service": Unit("loaded", "reloading", "enabled"),
        "slipway-recover@inference.timer": Unit("loaded", "active", "enabled"),
        "certbot.timer": Unit("not-found", "inactive"),
    }
    assert unit_findings(Surroundings(units, clock_synchronized=True), "inference") == ()


def test_docker_that_was_stopped_is_started() -> None:
    (found,) = unit_findings(Surroundings({"docker.service": Unit("loaded", "inactive", "enabled")}), "inference")
    assert str(found) == "docker.service is not active. Fix: sudo systemctl start docker.socket docker.service"


@pytest.mark.parametrize(
    ("unit", "synchronized", "told"),
    [
        (Unit("loaded", "active", "enabled"), False, "the clock is not synchronized. Fix: sudo systemctl restart "),
        (
            Unit("loaded", "inactive", "enabled"),
            None,
            "systemd-timesyncd.service is not active: nothing sets the clock",
        ),
    ],
)
def test_the_clock(unit: Unit, synchronized: bool | None, told: str) -> None:
    seen = Surroundings({"systemd-timesyncd.service": unit}, clock_synchronized=synchronized)
    (found,) = unit_findings(seen, "inference")
    assert str(found).startswith(told)


@pytest.mark.parametrize("name", ["inference@blue.service", "slipway-recover@inference.service"])
@pytest.mark.parametrize(("enabled", "option"), [("masked", ""), ("masked-runtime", " --runtime")])
def test_any_unit_of_ours_that_is_masked(name: str, enabled: str, option: str) -> None:
    (found,) = unit_findings(Surroundings({name: Unit("masked", "active", enabled)}), "inference")
    assert found.describe("web-1") == f"{name} is masked. Fix on web-1: sudo systemctl unmask{option} {name}"


def test_a_masked_unit_is_told_once() -> None:
    names = ("docker.socket", "haproxy.service", "slipway-recover@inference.timer", "certbot.timer")
    found = unit_findings(Surroundings({it: Unit("masked", "inactive", "masked") for it in names}), "inference")
    assert len(found) == len(names), found


@pytest.mark.parametrize(
    ("room", "told"),
    [
        (None, None),
        (DiskRoom("/var/lib/slipway", 64, None), None),
        (DiskRoom("/var/lib/slipway", 63, None), "63 MB free on the disk of /var/lib/slipway"),
        (DiskRoom("/var/lib/slipway", 900, 999), "999 inodes free on the disk of /var/lib/slipway"),
    ],
)
def test_room_for_records(room: DiskRoom | None, told: str | None) -> None:
    found = [it.cause.partition(":")[0] for it in records_room_findings(room)]
    assert found == ([told] if told else [])


def test_memory_that_is_low() -> None:
    (found,) = room_findings("inference", 5000, 1024, Memory(2000, 63))
    assert found.cause == "63 MB of 2000 MB memory are available"
    assert room_findings("inference", 5000, 1024, Memory(2000, 64)) == ()


def leaf(serial: str, days: float = 60.0, self_signed: bool = False) -> Leaf:
    """Of 90 days, that ends in so many days from 0 on."""
    return Leaf(serial, (days - 90) * 86400, days * 86400, self_signed)


def found(served: Leaf | None, disk: Leaf | None, certbots: Leaf | None, hook: bool | None = True) -> list[str]:
    seen = Certificates("/etc/haproxy/certs/a.pem", "127.0.0.1:443", "/hook", served, disk, certbots, hook)
    return [str(it) for it in certificate_findings(seen, 0, "web-1")]


def test_certificates_that_differ() -> None:
    good, other = leaf("0a"), leaf("0b")
    assert found(good, good, good) == []
    assert found(good, good, None) == []
    assert found(other, good, good) == [
        "port 443 serves a different certificate than certbot has (serial 0b); certbot has serial 0a. "
        "Fix: sudo releasectl certificate install"
    ]
    assert found(other, good, None) == [
        "port 443 serves serial 0b; /etc/haproxy/certs/a.pem has serial 0a. Fix: sudo systemctl reload haproxy"
    ]
    assert found(good, other, good) == [
        "/etc/haproxy/certs/a.pem has serial 0b; certbot has serial 0a. Fix: sudo releasectl certificate install"
    ]


def test_a_certificate_that_ends() -> None:
    (soon,) = found(leaf("0a", 3), leaf("0a", 3), leaf("0a", 3))
    renew = "sudo systemctl start certbot"
    assert soon.startswith(f"the certificate on port 443 expires in 3.0 days (serial 0a). Fix: {renew}")
    (gone,) = found(leaf("0a", -2), leaf("0a", -2), None)
    issue = "ansible-playbook site.yml"
    assert gone.startswith(f"the certificate on port 443 expired 2.0 days ago (serial 0a). Fix: {issue}")
    assert "--limit web-1" in gone


def test_a_hook_that_is_not_executable() -> None:
    (told,) = found(leaf("0a"), leaf("0a"), leaf("0a"), hook=False)
    assert told == (
        "certbot's hook /hook is not executable. Fix: sudo chmod 0755 /hook && sudo releasectl certificate install"
    )


def test_a_leaf_is_read_as_openssl_reads_it() -> None:
    for own in (True, False):
        text, _ = pair(timedelta(days=90), timedelta(days=30), self_signed=own)
        known = x509.load_pem_x509_certificate(text.encode())
        read = parse_leaf(ssl.PEM_cert_to_DER_cert(text))
        assert (int(read.serial, 16), read.self_signed) == (known.serial_number, own)
        assert read.begins == known.not_valid_before_utc.timestamp()
        assert read.ends == known.not_valid_after_utc.timestamp()


@pytest.mark.parametrize("der", [b"", b"\x30", b"\x30\x82\xff\xff\x00", b"nonsense"])
def test_what_is_no_certificate(der: bytes) -> None:
    with pytest.raises((IndexError, ValueError)):
        parse_leaf(der)


def test_haproxys_own_words() -> None:
    said = (
        "[NOTICE]   (1) : haproxy version is 2.6.12\n"
        "[ALERT]    (1) : config : parsing [/etc/haproxy/haproxy.cfg:10] : "
        "unknown keyword 'maxcon' in 'global' section\n"
        "[ALERT]    (1) : config : Error(s) found in configuration file : /etc/haproxy/haproxy.cfg\n"
    )
    assert config_error(Done(0, "", "")) == ""
    assert config_error(Done(1, "", said)) == "haproxy.cfg:10: unknown keyword 'maxcon' in 'global' section"
    assert config_error(Done(1, "", "no such file")) == "haproxy -c: no such file"


def test_a_registry_whose_name_does_not_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: object, **more: object) -> None:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    error = look.registry_error("registry.example/inference@sha256:0")
    assert error == "the registry's name registry.example does not resolve (Temporary failure in name resolution)"
    (told,) = registry_findings(Surroundings(registry_error=error))
    assert "no new image can be pulled" in told.cause
    assert look.registry_error("inference@sha256:0") == ""


def test_a_registry_that_refuses() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert f"the registry 127.0.0.1 does not answer at 127.0.0.1:{port} (" in look.registry_error(
        f"127.0.0.1:{port}/inference@sha256:0"
    )


S3 = {"MODEL_STORE": "s3://models/prefix"}


@pytest.mark.parametrize(
    ("env", "hosts", "found"),
    [
        ({}, {}, None),
        (S3, {}, ModelStore("models.s3.amazonaws.com", 443)),
        ({**S3, "AWS_DEFAULT_REGION": "eu-central-1"}, {}, ModelStore("models.s3.eu-central-1.amazonaws.com", 443)),
        (
            {**S3, "AWS_ENDPOINT_URL": "https://other", "AWS_ENDPOINT_URL_S3": "https://aws.test"},
            {"aws.test": "10.0.0.1"},
            ModelStore("aws.test", 443, "10.0.0.1"),
        ),
        ({**S3, "AWS_ENDPOINT_URL": "http://127.0.0.1:9000/x"}, {}, ModelStore("127.0.0.1", 9000)),
        ({**S3, "AWS_ENDPOINT_URL": "nonsense"}, {}, None),
    ],
)
def test_where_a_release_fetches_its_model(
    env: dict[str, str], hosts: dict[str, str], found: ModelStore | None
) -> None:
    assert model_store(env, hosts) == found


def test_a_model_store_that_refuses() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    error = look.reach_error("the model store", "models.test", port, "127.0.0.1")
    assert error.startswith(f"the model store models.test does not answer at 127.0.0.1:{port} (")
    (told,) = store_findings(Surroundings(store_error=error))
    assert told.cause == f"{error}: no new model can be fetched"
    assert store_findings(Surroundings(store_error="")) == store_findings(Surroundings()) == ()


def test_work_beside_the_rest_answers_or_raises() -> None:
    assert look.begin(lambda: 1)() == 1
    with pytest.raises(ZeroDivisionError):
        look.begin(lambda: 1 // 0)()
