"""certbot's certificate on its way to HAProxy: whole, private, and seen to be served."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from releasectl.documents.host_settings import TlsSettings
from releasectl.edge import certificate as module
from releasectl.edge.certbot import Certbot
from releasectl.edge.certificate import fingerprint, install, install_reason, join_pem, state, write_certificate
from releasectl.model.errors import Failure

from .certificates import NAME, pair, runtime_socket, settings

LIFE = timedelta(days=90)
TRANSACTION = "Transaction created for certificate /x.pem!\n"


@contextmanager
def https(pem: Path) -> Iterator[str]:
    """A server that serves `pem`, whatever it holds at the handshake; its address:port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                    context.load_cert_chain(pem)
                    with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True):
                        pass

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


class Place:
    """A host's folders with certbot's certificate in them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lineage = root / "letsencrypt" / "live" / NAME
        self.installed = root / "certs" / f"{NAME}.pem"
        self.socket = root / "admin.sock"
        for folder in (self.lineage, self.installed.parent):
            folder.mkdir(parents=True)
        self.renew()

    def renew(self) -> str:
        """A new certificate of certbot; its fingerprint."""
        chain, key = pair(LIFE, LIFE)
        (self.lineage / "fullchain.pem").write_text(chain)
        (self.lineage / "privkey.pem").write_text(key)
        return fingerprint(chain)

    def settings(self, served_at: str = "127.0.0.1:1") -> TlsSettings:
        return settings(
            certificate=str(self.installed), haproxy_socket=str(self.socket), served_at=served_at, timeout_s=0.4
        )

    def certbot(self) -> Certbot:
        return Certbot(self.settings(), str(self.root / "letsencrypt"))

    def install(self, served_at: str = "127.0.0.1:1") -> str:
        return install(self.settings(served_at), self.certbot(), str(self.lineage))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def haproxy(swapped: Callable[[str], None], refuse: bool = False) -> Callable[[str], str]:
    def answer(command: str) -> str:
        if command.startswith("set ssl cert"):
            swapped(command.partition("<<\n")[2])
            return TRANSACTION
        return "unable to load certificate\n" if refuse else "Committing /x.pem.\nSuccess!\n"

    return answer


def test_pem_is_joined_without_what_would_end_it_early() -> None:
    chain = "Bag Attributes\n-----BEGIN CERTIFICATE-----\r\nAA\r\n\r\nBB\r\n-----END CERTIFICATE-----\n\n"
    key = "\n-----BEGIN EC PRIVATE KEY-----\nCC\n-----END EC PRIVATE KEY-----"
    assert join_pem(chain, key) == (
        "-----BEGIN CERTIFICATE-----\nAA\nBB\n-----END CERTIFICATE-----\n"
        "-----BEGIN EC PRIVATE KEY-----\nCC\n-----END EC PRIVATE KEY-----\n"
    )


def test_the_leaf_is_what_a_fingerprint_is_of() -> None:
    (first, key), (second, _) = pair(LIFE, LIFE), pair(LIFE, LIFE)
    assert fingerprint(first + second) == fingerprint(key + first) == fingerprint(first) != fingerprint(second)
    assert len(fingerprint(first)) == 64
    assert fingerprint("") == fingerprint(key) == ""


def test_a_certificate_is_written_for_root_alone_and_replaces_the_one_before(place: Place) -> None:
    place.installed.write_text("before")
    place.installed.chmod(0o644)
    write_certificate(str(place.installed), join_pem(*pair(LIFE, LIFE)))
    assert place.installed.stat().st_mode & 0o777 == 0o600
    assert [it.name for it in place.installed.parent.iterdir()] == [place.installed.name]


@pytest.mark.parametrize("spoil", ["other key", "cut", "no key"])
def test_a_pair_that_does_not_match_leaves_the_one_before(place: Place, spoil: str) -> None:
    place.installed.write_text("before")
    chain, key = pair(LIFE, LIFE)
    wrong = {"other key": (chain, pair(LIFE, LIFE)[1]), "cut": (chain[:400], key), "no key": (chain, "")}[spoil]
    with pytest.raises(Failure, match="do not match"):
        write_certificate(str(place.installed), join_pem(*wrong))
    assert [it.name for it in place.installed.parent.iterdir()] == [place.installed.name]
    assert place.installed.read_text() == "before"


def test_it_is_swapped_at_run_time_and_seen_to_be_served(place: Place) -> None:
    def swapped(pem: str) -> None:
        assert pem.endswith("-----\n\n") and "\n\n" not in pem[:-1], "one blank line, at the end"
        (place.root / "served.pem").write_text(pem)

    with runtime_socket(place.socket, haproxy(swapped)) as received, https(place.root / "served.pem") as served_at:
        text = place.install(served_at)
    assert f"HAProxy serves it at {served_at}" in text
    path = place.installed
    assert [it.splitlines()[0] for it in received] == [f"set ssl cert {path} <<", f"commit ssl cert {path}"]


def test_haproxy_that_is_down_reads_the_file_when_it_starts(place: Place) -> None:
    assert "is not running" in place.install()
    assert fingerprint(place.installed.read_text())
    with runtime_socket(place.socket, lambda _: ""):
        pass
    # The file of a socket that nothing listens on.
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(place.socket))
    assert "is not running" in place.install()


def test_a_refusal_is_reported_and_the_transaction_aborted(place: Place) -> None:
    with (
        runtime_socket(place.socket, haproxy(lambda _: None, refuse=True)) as received,
        pytest.raises(Failure, match=r"Failed to serve the new .* refused it at run time") as raised,
    ):
        place.install()
    assert received[-1].startswith("abort ssl cert")
    assert (raised.value.code, raised.value.hint) == (1, "Next: systemctl reload haproxy")


def test_another_certificate_than_the_accepted_one_is_reported(place: Place) -> None:
    other = place.root / "other.pem"
    other.write_text("".join(pair(LIFE, LIFE)))
    with (
        runtime_socket(place.socket, haproxy(lambda _: None)),
        https(other) as served_at,
        pytest.raises(Failure, match=f"accepted it, but {served_at} serves [0-9a-f]{{16}} instead"),
    ):
        place.install(served_at)


def test_haproxy_that_does_not_answer_is_no_haproxy_that_is_down(place: Place) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(place.socket))
        silent.listen()
        with pytest.raises(Failure, match="does not answer on"):
            place.install()


def test_a_full_disk_is_reported_and_the_one_before_stays(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_atomic", full)
    with pytest.raises(Failure, match="No space left on device") as raised:
        place.install()
    assert "The previous one is still served" in raised.value.cause
    assert "systemctl start certbot" in str(raised.value.hint)


def test_a_lineage_without_a_key_is_reported(place: Place) -> None:
    (place.lineage / "privkey.pem").unlink()
    with pytest.raises(Failure, match="No such file"):
        place.install()


def test_the_certificate_of_another_name_is_left(place: Place) -> None:
    text = install(place.settings(), place.certbot(), "/etc/letsencrypt/live/other.example.com/")
    assert "is not HAProxy's certificate" in text
    assert not place.installed.exists()


def test_it_is_installed_again_for_as_long_as_haproxy_does_not_serve_it(place: Place) -> None:
    assert "is not the certificate that certbot has" in install_reason(place.settings(), place.certbot())
    place.install()
    assert install_reason(place.settings(), place.certbot()) == "", "HAProxy is down"
    other = place.root / "other.pem"
    other.write_text("".join(pair(LIFE, LIFE)))
    with https(other) as served_at:
        assert "serves another certificate" in install_reason(place.settings(served_at), place.certbot())
    with https(place.installed) as served_at:
        assert install_reason(place.settings(served_at), place.certbot()) == ""
    place.renew()
    assert "is not the certificate that certbot has" in install_reason(place.settings(), place.certbot())


def test_the_state_has_every_key_and_one_step_at_a_time(place: Place) -> None:
    empty = {"issue": "", "force": False, "install": "", "account": ""}
    found = state(place.settings(), place.certbot())
    assert found == {**empty, "issue": f"{place.installed} holds no certificate"}
