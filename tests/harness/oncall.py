"""What the status says of the host under test, and its fixes: run as printed, on the host or on the controller."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from drills.faults import CERTIFICATES, CONFIG, HAPROXY_MASKED, OTHER_CERTIFICATE, STATE_UNREADABLE, Breakage
from tests.harness import host_driver as host
from tests.harness import lab
from tests.harness.daemons import docker_answers

# A timer whose unit were masked would fail.
IDLE = ("/run/systemd/system/slipway-recover@.service.d", "/run/systemd/system/slipway-watchdog@.service.d")
METRICS = "/var/lib/prometheus/node-exporter/slipway_inference.prom"
CERTIFICATE = f"{CERTIFICATES}/{lab.NAME}.pem"
LINEAGE = f"/etc/letsencrypt/live/{lab.NAME}"
NOT_SERVING = "inference  NOT SERVING: "
# Before a command of root.
FIX = f"Fix on {lab.HOST}: "


# HAProxy serves another certificate than is on disk. Without certbot's lineage nothing is known to be the right one but
# the file.
FORGOTTEN_RELOAD = Breakage(
    f"mv {LINEAGE} /run/lineage; {OTHER_CERTIFICATE.script}; systemctl reload haproxy; sleep 1;"
    f" cp -a /run/saved.certs/. {CERTIFICATES}",
    f"mv /run/lineage {LINEAGE}; {OTHER_CERTIFICATE.undo}",
)


@dataclass(frozen=True)
class Fault:
    """A fault whose fix, as the status prints it, leaves a clean status."""

    name: str
    template: str
    """The fix in the engine's code, as tests/repo/test_hints.py reads it."""
    cause: str
    script: str
    undo: str
    """For a test that fails."""


FAULTS = (
    Fault(
        "state.json cannot be read", "releasectl(recover)", "state.json cannot be read (",
        STATE_UNREADABLE.script, "true",
    ),
    Fault(
        "haproxy stopped", "sudo systemctl restart haproxy", "haproxy.service is not active",
        "systemctl stop haproxy", "systemctl start haproxy",
    ),
    Fault(
        "haproxy masked", "sudo systemctl unmask haproxy && sudo systemctl start haproxy", "haproxy.service is masked",
        HAPROXY_MASKED.script, HAPROXY_MASKED.undo,
    ),
    Fault(
        "docker stopped", "sudo systemctl start … …", "docker.service is not active",
        "systemctl stop docker.socket docker", "systemctl start docker.socket docker",
    ),
    Fault(
        "clock masked", "_enable()", "systemd-timesyncd.service is masked: nothing sets the clock",
        "systemctl mask systemd-timesyncd", "systemctl unmask systemd-timesyncd",
    ),
    Fault(
        "recovery masked", "sudo systemctl unmask… …", "slipway-recover@inference.service is masked",
        "systemctl mask slipway-recover@inference.service", "systemctl unmask slipway-recover@inference.service",
    ),
    Fault(
        "certbot.timer stopped", "_enable()", "certbot.timer is not active",
        "systemctl stop certbot.timer", "systemctl enable --now certbot.timer",
    ),
    Fault(
        "another certificate on disk", "sudo releasectl certificate install", f"{CERTIFICATE} has serial ",
        OTHER_CERTIFICATE.script, OTHER_CERTIFICATE.undo,
    ),
    Fault(
        "a reload was forgotten", "sudo systemctl reload haproxy", f"{CERTIFICATE} has serial ",
        FORGOTTEN_RELOAD.script, FORGOTTEN_RELOAD.undo,
    ),
    Fault(
        "443 is not listened on", "converge(edge)", "nothing answers on port 443",
        f"sed -i 's/:443 /:4443 /' {CONFIG}; systemctl reload haproxy; sleep 1", "true",
    ),
)  # fmt: skip


@contextmanager
def broken(script: str, undo: str) -> Iterator[None]:
    """Recovery does not run meanwhile: the status is what is tested. `undo` is for a test that fails."""
    for idle in IDLE:
        host.shell(f"mkdir -p {idle} && printf '[Service]\\nExecStart=\\nExecStart=/bin/true\\n' > {idle}/test.conf")
    host.shell(f"systemctl daemon-reload; {script}")
    try:
        yield
    finally:
        host.shell(f"rm -r {' '.join(IDLE)}; systemctl daemon-reload; {undo}", check=False)
        host.releasectl("recover")


def certificate_of(life_days: float, left_days: float) -> tuple[str, str, str]:
    """A self-signed certificate for the host's name, its key, and its serial number as the status prints it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, lab.NAME)])
    ends = datetime.now(UTC) + timedelta(days=left_days)
    serial = 0x1DEA
    builder = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(serial).not_valid_before(ends - timedelta(days=life_days)).not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(lab.NAME)]), critical=False)
    )  # fmt: skip
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return pem.decode(), key.private_bytes(serialization.Encoding.PEM, form, plain).decode(), f"{serial:04x}"


def installed(certificate: str, key: str) -> tuple[str, str]:
    """Scripts that make it the one that certbot has and HAProxy serves (/run/soon.pem), and that undo it."""
    lab.write("/run/soon.pem", certificate)
    lab.write("/run/soon.key", key)
    chain, leaf = f"{LINEAGE}/fullchain.pem", f"{LINEAGE}/cert.pem"
    install = (
        f"cp {chain} /run/saved.chain; cp {leaf} /run/saved.leaf; cp -p {CERTIFICATE} /run/saved.pem;"
        f" cat /run/soon.pem | tee {chain} > {leaf};"
        f" cat /run/soon.pem /run/soon.key > {CERTIFICATE}; systemctl reload haproxy; sleep 1"
    )
    back = (
        f"cat /run/saved.chain > {chain}; cat /run/saved.leaf > {leaf}; cp -p /run/saved.pem {CERTIFICATE};"
        " systemctl reload haproxy; sleep 1"
    )
    return install, back


def serial(path: str) -> str:
    """The serial number of a certificate on the host, as the status prints it."""
    return host.shell(f"openssl x509 -noout -serial -in {path}").strip().partition("=")[2].lower()


def first_line() -> str:
    return lab.status_text().splitlines()[0]


def code() -> int:
    return lab.on_host_code("releasectl", "status")


def troubles() -> list[str]:
    return [str(it) for it in lab.status()["troubles"]]


def fix_of(cause: str) -> str:
    """The fix that the document has for a problem, or for clients that are not served."""
    doc: dict[str, Any] = lab.status()
    for problem in doc["problems"]:
        if cause in problem["cause"]:
            return str(problem["fix"])
    told = str(doc["serving_cause"])
    assert cause in told, doc["text"]
    return re.split(r"(?:Fix|, then)(?: on \S+)?: ", told)[-1]


def run_fix(cause: str) -> None:
    """As it is printed: in a shell of the host, or on the controller where the command is one of Ansible."""
    command = fix_of(cause)
    if command.startswith("ansible-playbook "):
        assert f"--limit {lab.HOST} " in command
        lab.good(lab.play(*shlex.split(command)[1:]))
    else:
        host.shell(command)
    if "docker" in command:
        docker_answers()


def clean() -> None:
    lab.wait_until(lambda: lab.status()["troubles"] == [] and code() == 0, "the status is clean")
    assert first_line().startswith("inference  serving: "), first_line()


def metrics() -> dict[str, float]:
    """As they are written now."""
    host.shell("systemctl start slipway-metrics@inference.service")
    return written()


def written() -> dict[str, float]:
    found = re.findall(r'^slipway_(\w+)\{service="inference"\} (\S+)$', host.shell(f"cat {METRICS}"), re.M)
    return {name: float(value) for name, value in found}
