"""A configuration that HAProxy does not take: it goes on as it was, and the next converge sees the difference."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.harness import host_driver as host
from tests.harness import lab
from tests.harness.load.steady import SteadyLoad

FOLDER = "/etc/haproxy"
CERTIFICATE = f"{FOLDER}/certs/{lab.NAME}.pem"
PORT = 8499
"""Of somebody else. The edge's metrics are to move there."""
TAKE = f"""import socket, sys
other = socket.create_server(("127.0.0.1", {PORT}))
print("taken", flush=True)
sys.stdin.read()"""


def converge(**variables: Any) -> lab.Done:
    return lab.play("site.yml", *lab.LIMIT, "--tags", "edge", "-e", json.dumps(variables))


def reload(*options: str) -> lab.Done:
    """The role's handler."""
    return lab.run("docker", "exec", lab.CONTAINER, "releasectl", "edge", "reload", *options)


def running() -> str:
    """The process that serves, and the files that it would start with: their names and what is in them."""
    workers = host.shell("ps -o pid= --ppid $(systemctl show --property=MainPID --value haproxy)")
    return workers + host.shell(f"cd {FOLDER} && ls -A . certs && sha256sum haproxy.cfg certs/*")


@contextmanager
def untouched() -> Iterator[None]:
    before = running()
    yield
    assert running() == before


@contextmanager
def goes_back_to(text: str) -> Iterator[None]:
    yield
    assert host.shell(f"cat {FOLDER}/haproxy.cfg") == text


def told(done: lab.Done, *words: str) -> None:
    assert done.code != 0
    for part in words:
        assert part in done.out, done.out[-4000:]


def test_a_wrong_value_is_refused_before_it_is_installed(load: SteadyLoad) -> None:
    with untouched():
        told(converge(edge_retry_on=["never"]), "failed to validate", "retry-on", "never")


def test_a_file_that_somebody_deleted_is_written_again(load: SteadyLoad) -> None:
    host.shell(f"rm {FOLDER}/haproxy.cfg")
    lab.good(converge())
    assert "frontend https" in host.shell(f"cat {FOLDER}/haproxy.cfg")


@contextmanager
def taken() -> Iterator[None]:
    """Another process of the host listens on the port."""
    argv = ("docker", "exec", "--interactive", lab.CONTAINER, "python3", "-c", TAKE)
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin and other.stdout and other.stdout.readline() == b"taken\n"
        yield
        other.stdin.close()


def test_a_port_that_another_has_is_told_and_the_next_converge_takes_it(load: SteadyLoad) -> None:
    """A valid file that cannot be run: the one before is put back, so it is still news to the next converge."""
    with taken(), untouched():
        told(
            converge(edge_metrics_port=PORT), f"Failed to bind 127.0.0.1:{PORT} (Address already in use)",
            f"ss -ltnp 'sport = :{PORT}'", "The previous process still serves", "The previous file is restored",
            "ansible-playbook site.yml --limit HOST --tags edge",
        )  # fmt: skip
    again = lab.good(converge(edge_metrics_port=PORT))
    assert again.recap[lab.HOST]["changed"] == 3, "the file, the notification and the handler"
    assert f":{PORT}" in host.shell("ss -ltn")
    lab.good(converge())
    assert f":{PORT}" not in host.shell("ss -ltn")
    assert host.shell(f"ls {FOLDER}").split() == ["certs", "errors", "haproxy.cfg", "too_large.lua"], (
        "no backup is left"
    )


def test_a_reload_that_systemd_calls_good_is_seen_to_have_failed() -> None:
    """What no look beforehand finds. Without a load: the old process lets go of its ports for two seconds."""
    config, backup = f"{FOLDER}/haproxy.cfg", "/run/haproxy.cfg.before"
    further = f"\nfrontend further\n    disabled\n    bind 127.0.0.1:{PORT}\n"
    host.shell(f"cp -p {config} /run/haproxy.cfg.first && cp -p {config} {backup} && printf '{further}' >> {backup}")
    try:
        with taken(), goes_back_to(host.shell(f"cat {backup}")):
            host.shell(f"sed /disabled/d {backup} > {config}")
            told(reload("--rollback"), "no new process answers", "Address already in use", "file is restored")
    finally:
        host.shell(f"cp -p /run/haproxy.cfg.first {config} && rm -f /run/haproxy.cfg.first {backup}")
        lab.good(reload())
    assert lab.ask("/ready").status_code == 200


def test_a_broken_certificate_keeps_it_from_a_reload_and_from_nothing_else(load: SteadyLoad) -> None:
    """Broken by hand: no process starts with it, so none is asked to."""
    host.shell(f"cp -p {CERTIFICATE} /run/whole.pem && echo broken > {CERTIFICATE}")
    try:
        with untouched():
            told(reload(), "is not valid", CERTIFICATE, "The previous process still serves", "No file was changed")
    finally:
        host.shell(f"cp -p /run/whole.pem {CERTIFICATE} && rm /run/whole.pem")
    lab.good(reload())
