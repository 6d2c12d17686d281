"""A renewal that fails: what is served stays, a person reads what to do, and the next run mends it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from drills.faults import CERTIFICATES, HOOK
from tests.harness import host_driver as host
from tests.harness import lab, network
from tests.harness.load.steady import SteadyLoad
from tests.harness.oncall import LINEAGE
from tests.harness.tls import served_certificate

pytestmark = pytest.mark.usefixtures("services")

AUTHORITY = "acme.slipway.test"
PROMETHEUS, CERTBOT = 8405, 8888
ASK_HAPROXY = """import socket, sys
link = socket.socket(socket.AF_UNIX)
link.connect("/run/haproxy/admin.sock")
link.sendall(sys.argv[1].encode() + b"\\n")
print(link.makefile().read())"""


def serial() -> int:
    return served_certificate(lab.NAME, str(lab.ROOTS)).serial_number


def renew() -> lab.Done:
    """What certbot's timer does when the time has come."""
    words = ("certbot", "renew", "--force-renewal", "--no-random-sleep-on-renew")
    return lab.run("docker", "exec", lab.CONTAINER, *words)


def key_type() -> str:
    key = served_certificate(lab.NAME, str(lab.ROOTS)).public_key()
    return "rsa" if isinstance(key, rsa.RSAPublicKey) else "ecdsa"


def converge(*settings: str) -> lab.Done:
    words = [word for setting in settings for word in ("-e", setting)]
    return lab.play("site.yml", *lab.LIMIT, "--tags", "edge,tls", *words)


def issue() -> lab.Done:
    """The role, when it has to issue: for a key of the other type."""
    return converge(f"tls_key_type={'ecdsa' if key_type() == 'rsa' else 'rsa'}")


@pytest.fixture(scope="module", autouse=True)
def account() -> Iterator[None]:
    """
    The lab's authority forgets accounts when it starts; the role makes a new one, certbot's timer does not. The
    certificate is given back as the inventory has it.
    """
    with network.services():
        if renew().code:
            lab.good(issue())
    yield
    lab.good(converge())


@contextmanager
def kept() -> Iterator[None]:
    """Whatever the block does, the certificate that was served is served, and its file is whole and alone."""
    before, files = serial(), host.shell(f"cd {CERTIFICATES} && sha256sum *")
    yield
    assert serial() == before
    assert host.shell(f"cd {CERTIFICATES} && ls -A | xargs sha256sum") == files


def test_the_authority_is_down(load: SteadyLoad) -> None:
    with kept(), network.unreachable(AUTHORITY):
        by_itself, by_role = renew(), issue()
    assert by_itself.code != 0
    assert f"Failed to renew certificate {lab.NAME}" in by_itself.out
    assert by_role.code != 0
    following = f"ansible-playbook site.yml --limit {lab.HOST} --tags tls"
    serves = "The previous certificate is still served"
    for words in (f"Failed to get a certificate for {lab.NAME}", "No route to host", serves, following):
        assert words in by_role.out, by_role.out[-3000:]


@contextmanager
def challenges_answered_by(port: int) -> Iterator[None]:
    """The way of the challenges leads elsewhere: what answers there knows none of them."""
    move = "set server acme/certbot addr 127.0.0.1 port"
    lab.on_host("python3", "-c", ASK_HAPROXY, f"{move} {port}")
    try:
        yield
    finally:
        lab.on_host("python3", "-c", ASK_HAPROXY, f"{move} {CERTBOT}")


def test_the_challenge_leads_elsewhere(load: SteadyLoad) -> None:
    """The authority is not even asked: it counts failed attempts."""
    with kept(), challenges_answered_by(PROMETHEUS):
        by_role = issue()
    assert by_role.code != 0
    for words in (f"No certificate was requested: port 80 of {lab.NAME}", "answers 404 for a challenge",
                  "edge_acme_port", "ansible-playbook site.yml --limit HOST --tags tls"):  # fmt: skip
        assert words in by_role.out, by_role.out[-3000:]
    before = serial()
    lab.good(renew())
    assert serial() != before


def bring(lineage: str) -> lab.Done:
    return lab.run("docker", "exec", "--env", f"RENEWED_LINEAGE={lineage}", lab.CONTAINER, HOOK)


SPOILT = {
    "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out privkey.pem": "do not match",
    "head -c 700 fullchain.pem > cut && mv cut fullchain.pem": "do not match",
    "rm privkey.pem": "No such file",
}


def test_a_pair_that_does_not_fit_is_refused(load: SteadyLoad) -> None:
    folder = f"/run/spoilt/{lab.NAME}"
    for spoil, says in SPOILT.items():
        with kept():
            host.shell(f"mkdir -p {folder} && cp -L {LINEAGE}/*.pem {folder}/ && cd {folder} && {spoil}")
            done = bring(folder)
            host.shell("rm -r /run/spoilt")
        assert done.code == 1, spoil
        for words in (says, "The previous one is still served", "systemctl start certbot"):
            assert words in done.out, done.out


@contextmanager
def full_disk() -> Iterator[None]:
    host.shell(f"""set -e
        mkdir -p /run/small && mount -t tmpfs -o size=8k,mode=700 small /run/small
        cp -a {CERTIFICATES}/. /run/small/ && mount --bind /run/small {CERTIFICATES}
        dd if=/dev/zero of={CERTIFICATES}/ballast bs=4k 2>/dev/null || true""")
    try:
        yield
    finally:
        host.shell(f"umount {CERTIFICATES} && umount /run/small && rmdir /run/small")


def test_a_disk_that_is_full_when_the_certificate_comes(load: SteadyLoad) -> None:
    """certbot calls that a success and does not try again; its service does, and fails until it has worked."""
    before = serial()
    with full_disk():
        done = renew()
        assert "No space left on device" in done.out
        assert "The previous one is still served" in done.out
        again = lab.run("docker", "exec", lab.CONTAINER, "systemctl", "start", "certbot")
        assert again.code != 0, "the service says so, too"
        assert host.shell(f"cd {CERTIFICATES} && ls -A") == f"ballast\n{lab.NAME}.pem\n", "no half of a file is left"
        assert serial() == before
    host.shell("systemctl start certbot")
    assert serial() != before


def test_settings_that_change_after_issue_reach_the_renewal(load: SteadyLoad) -> None:
    """By the next converge; the one after it has nothing to do, and certbot's timer goes the new way."""
    changed = ("service_acme_port=8889", f"tls_key_type={'ecdsa' if key_type() == 'rsa' else 'rsa'}",
               "tls_email=ops@example.com")  # fmt: skip
    before, was = serial(), key_type()
    lab.good(converge(*changed))
    assert serial() != before
    assert key_type() != was
    assert lab.good(converge(*changed)).recap[lab.HOST]["changed"] == 0
    before = serial()
    lab.good(renew())
    assert serial() != before
    assert key_type() != was
