"""How a host is broken for practice, and put back: shell scripts for the drills and for the tests of faults."""

from __future__ import annotations

from dataclasses import dataclass

HOME = "/var/lib/slipway/inference"
CONFIG = "/etc/haproxy/haproxy.cfg"
HOOK = "/etc/letsencrypt/renewal-hooks/deploy/slipway-haproxy"
CERTIFICATES = "/etc/haproxy/certs"
DOCKER = "docker.socket docker"


@dataclass(frozen=True)
class Breakage:
    script: str
    undo: str
    """The host as it was."""


def socket_command(text: str) -> str:
    """Sends a command to HAProxy's socket, as an operator with `socat` does."""
    words = "import socket; s = socket.socket(socket.AF_UNIX); s.connect('/run/haproxy/admin.sock')"
    return f'python3 -c "{words}; s.sendall(bytes.fromhex({text.encode().hex()!r})); s.recv(99)"'


SPOILED_CONFIG = Breakage(
    f"cp -p {CONFIG} /run/saved.cfg; sed -i '0,/maxconn/s//maxcon/' {CONFIG}", f"cp -p /run/saved.cfg {CONFIG}"
)
HAPROXY_WITH_SPOILED_CONFIG = Breakage(
    f"{SPOILED_CONFIG.script}; systemctl restart haproxy || true", f"{SPOILED_CONFIG.undo}; systemctl restart haproxy"
)
HAPROXY_MASKED = Breakage("systemctl mask --now haproxy", "systemctl unmask haproxy; systemctl start haproxy")
DOCKER_MASKED = Breakage(f"systemctl mask --now {DOCKER}", f"systemctl unmask {DOCKER}; systemctl start {DOCKER}")
DOCKER_RULES_FLUSHED = Breakage("iptables -t nat -F DOCKER; iptables -F DOCKER", "systemctl restart docker")
NO_SLOT_IS_LIVE = Breakage(socket_command(f"set map {HOME}/live.map live none\n"), "releasectl recover")
STATE_UNREADABLE = Breakage(f"echo garbage > {HOME}/state.json", "releasectl recover")
# HAProxy serves it from its next reload on.
OTHER_CERTIFICATE = Breakage(
    f"rm -rf /run/saved.certs; cp -a {CERTIFICATES} /run/saved.certs; openssl req -x509 -newkey rsa:2048 -nodes -days 9"
    " -subj /CN=wrong -keyout /run/wrong.key -out /run/wrong.pem 2>/dev/null;"
    f" for it in {CERTIFICATES}/*.pem; do cat /run/wrong.pem /run/wrong.key > $it; done",
    f"cp -a /run/saved.certs/. {CERTIFICATES}; systemctl reload haproxy",
)
HOOK_NOT_EXECUTABLE = Breakage(f"chmod 0644 {HOOK}", f"chmod 0755 {HOOK}")
