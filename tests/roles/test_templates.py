"""Every template of the host's roles renders with the roles' defaults, and its own format reads what it renders."""

from __future__ import annotations

import configparser
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from releasectl.documents.config import read_config
from releasectl.documents.host_settings import read_edge, read_tls

ROOT = Path(__file__).parent.parent.parent
ROLES = ("baseline", "docker", "engine", "backup", "edge", "tls", "release")
TEMPLATES = sorted(
    path for role in ROLES for path in (ROOT / "roles" / role / "templates").rglob("*") if path.is_file()
)
SERVICE: dict[str, Any] = {
    "name": "inference",
    "domains": ["inference.example.com"],
    "slots": {"blue": 18080, "green": 18081},
    "version": "v1.0.0",
    "live_map": "/var/lib/slipway/inference/live.map",
    "backend_prefix": "inference_",
}
GIVEN: dict[str, Any] = {
    "ansible_facts": {"distribution": "Debian", "distribution_release": "bookworm"},
    "tls_domains": ["inference.example.com"],
}


# The same role with clients that are known by something in a canary.
STICKY = {
    "edge_canary_sticky_header": "X-Variant",
    "edge_canary_sticky_api_key": "X-Api-Key",
    "edge_canary_sticky_cookie": "sid",
    "edge_canary_cookie": "side",
}


# What the engine reads has to be whole; the defaults have no domain.
NAMED = {"tls_domains": ["inference.example.com"]}


def play(role: str, destination: Path, more: dict[str, Any]) -> dict[str, Any]:
    """All that a role's templates render to, by name, in one file: a task for each would take half a second each."""
    base = ROOT / "roles" / role
    texts = {it.name: f"lookup('ansible.builtin.template', '{it}')" for it in TEMPLATES if base in it.parents}
    if role == "release":
        texts["config.json"] = "_release_config | to_json"
    all_of_them = ", ".join(f"'{name}': {text}" for name, text in texts.items())
    copy = {"content": f"{{{{ {{{all_of_them}}} | to_json }}}}", "dest": str(destination), "mode": "0644"}
    return {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {**GIVEN, "role_path": str(base)},
        "vars_files": [
            str(base / part / "main.yml") for part in ("defaults", "vars") if (base / part / "main.yml").exists()
        ],
        # What a play's vars say, its vars_files (the role's defaults) would overrule.
        "tasks": [{"ansible.builtin.copy": copy, "vars": {f"{role}_services": [SERVICE], **more}}],
    }


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rendered")
    wanted: list[tuple[str, str, dict[str, Any]]] = [
        *((role, role, {}) for role in ROLES),
        ("permissive", "baseline", {"baseline_core_dumps": True, "baseline_shell_timeout_s": 0}),
        ("sticky", "edge", STICKY),
        ("named", "tls", NAMED),
        ("dns", "tls", {**NAMED, "tls_challenge": "dns-01"}),
        ("balanced", "edge", {"edge_trusted_proxies": ["10.20.0.0/16"]}),
    ]
    book = folder / "render.yml"
    book.write_text(json.dumps([play(role, folder / f"{name}.json", more) for name, role, more in wanted]))
    ansible = str(Path(sys.executable).parent / "ansible-playbook")
    done = subprocess.run(
        [ansible, "-i", "localhost,", str(book)], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    for name, _, _ in wanted:
        (folder / name).mkdir()
        for file, text in json.loads((folder / f"{name}.json").read_text()).items():
            (folder / name / file).write_text(text)
    return folder


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "roles")))
def test_it_renders_to_the_end(rendered: Path, path: Path) -> None:
    role = path.relative_to(ROOT / "roles").parts[0]
    text = (rendered / role / path.name).read_text()
    assert text.strip()
    assert "{{" not in text
    assert "{%" not in text
    assert text.endswith("\n")


def test_an_idle_connection_of_a_load_balancer_outlives_the_load_balancers_own_timeout(rendered: Path) -> None:
    """60 s at AWS (terraform/modules/load_balancer). Closed by the edge first, it would take a request with it: 502."""
    assert "    timeout http-keep-alive 75s\n" in (rendered / "balanced" / "haproxy.cfg").read_text()
    assert "    timeout http-keep-alive 30s\n" in (rendered / "edge" / "haproxy.cfg").read_text()


@pytest.mark.parametrize("role", ["baseline", "release", "backup"])
def test_units_are_whole(rendered: Path, role: str) -> None:
    units = [path for path in (rendered / role).iterdir() if ".service" in path.name or ".timer" in path.name]
    assert units
    for path in units:
        # systemd allows a key more than once; what matters here is the sections.
        parser = configparser.ConfigParser(strict=False, interpolation=None, allow_no_value=True)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read_string(path.read_text())
        assert parser.has_option("Unit", "Description")
        assert parser.has_section("Service") or parser.has_section("Timer")


def test_the_slot_outlives_the_engine_and_a_drain(rendered: Path) -> None:
    text = (rendered / "release" / "service@.service").read_text()
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    assert not parser.has_option("Unit", "Requires")
    assert int(parser["Service"]["TimeoutStopSec"]) > 40


def test_the_engine_accepts_the_rendered_settings(rendered: Path) -> None:
    config = read_config(json.loads((rendered / "release" / "config.json").read_text()), "service.json")
    assert config.slots == {"blue": 18080, "green": 18081}
    edge = read_edge(json.loads((rendered / "edge" / "edge.json").read_text()), "edge.json")
    assert edge.config == "/etc/haproxy/haproxy.cfg"
    for name, port in (("named", "8888"), ("dns", None)):
        tls = read_tls(json.loads((rendered / name / "tls.json").read_text()), "tls.json")
        assert tls.certificate == "/etc/haproxy/certs/inference.example.com.pem"
        assert tls.renewal.get("http01_port") == port


def test_certbot_s_hook_is_a_script_that_installs_the_certificate(rendered: Path) -> None:
    path = rendered / "tls" / "slipway-haproxy"
    subprocess.run(["sh", "-n", str(path)], check=True)
    assert path.read_text().splitlines()[-1] == "exec /usr/local/bin/releasectl certificate install"


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("containerd.service restart", 101), ("haproxy restart 5", 101), ("docker.socket try-restart", 101),
        ("--quiet docker restart", 101), ("containerd.service start", 0), ("haproxy reload", 0),
        ("docker.service stop", 0), ("ssh.service restart", 0),
    ],
)  # fmt: skip
def test_a_package_may_not_restart_what_serves(rendered: Path, asked: str, code: int) -> None:
    """As invoke-rc.d(8) and deb-systemd-invoke ask."""
    assert subprocess.run(["sh", str(rendered / "baseline" / "policy-rc.d"), *asked.split()]).returncode == code


@pytest.mark.parametrize(
    ("name", "flags", "timeout_s", "core"),
    [
        ("baseline", ["-i"], "3600", "0"),
        ("baseline", [], "", "0"),
        ("permissive", ["-i"], "", "64"),
    ],
)
def test_only_an_idle_prompt_ends_and_no_login_leaves_a_core_dump(
    rendered: Path, name: str, flags: list[str], timeout_s: str, core: str
) -> None:
    """Unless the inventory says otherwise. In a script TMOUT would end `read` and `select`."""
    read = f'ulimit -S -c 64; . {rendered / name / "slipway.sh"}; echo "$TMOUT;$(ulimit -S -c)"'
    done = subprocess.run(["bash", "--norc", *flags, "-c", read], capture_output=True, text=True, timeout=60)
    assert done.stdout == f"{timeout_s};{core}\n", done.stderr


def test_the_container_engine_s_settings_are_json(rendered: Path) -> None:
    assert json.loads((rendered / "docker" / "daemon.json").read_text())["live-restore"] is True


def test_the_edge_routes_by_the_map_and_hides_the_metrics(rendered: Path) -> None:
    text = (rendered / "edge" / "haproxy.cfg").read_text()
    assert "set-var(txn.slot) str(live),map(/var/lib/slipway/inference/live.map,none) if is_inference\n" in text
    assert "use_backend inference_%[var(txn.slot)] if is_inference\n" in text
    assert "set-var(txn.share) rand(100)" in text
    assert "server app 127.0.0.1:18080 weight 0 maxconn 256 check " in text
    assert "server app 127.0.0.1:18081 weight 0 maxconn 256 check " in text
    assert "ssl-min-ver TLSv1.2" in text
    assert "bind 127.0.0.1:8405" in text


def test_each_slot_has_the_other_one_as_its_standby_and_only_if_the_map_says_so(rendered: Path) -> None:
    text = (rendered / "edge" / "haproxy.cfg").read_text()
    live_map = "map(/var/lib/slipway/inference/live.map,none)"
    assert f"set-var(txn.standby) str(standby),{live_map} if is_inference\n" in text
    # A canary's share is answered by the live slot while the candidate is down.
    assert f"set-var(txn.standby) str(live),{live_map} if is_inference canary_inference\n" in text
    for slot, other, port in (("blue", "green", 18081), ("green", "blue", 18080)):
        backend = text.partition(f"\nbackend inference_{slot}\n")[2].partition("\nbackend ")[0]
        assert f"acl has_standby var(txn.standby) -m str {other}\n    force-persist unless has_standby\n" in backend
        assert f"server-template standby 2 127.0.0.1:{port} maxconn 256\n" in backend
        assert "uri /ready ver" in backend


def test_the_edge_knows_a_client_by_the_first_thing_that_it_brings(rendered: Path) -> None:
    text = (rendered / "sticky" / "haproxy.cfg").read_text()
    shares = [line.strip() for line in text.splitlines() if "set-var(txn.share)" in line]
    # The last one that applies counts.
    assert shares == [
        "http-request set-var(txn.share) src,ipmask(32,64),xxh32(1),mod(100)",
        "http-request set-var(txn.share) req.cook(side) if has_canary_cookie",
        "http-request set-var(txn.share) req.cook(sid),xxh32(1),mod(100) if { req.cook(sid) -m found }",
        "http-request set-var(txn.share) req.hdr(X-Api-Key),xxh32(1),mod(100) if { req.hdr(X-Api-Key) -m found }",
        "http-request set-var(txn.share) req.hdr(X-Variant),xxh32(1),mod(100) if { req.hdr(X-Variant) -m found }",
    ]
    assert 'add-header Set-Cookie "side=%[var(txn.share)]; Path=/; Secure; HttpOnly; SameSite=Lax" if' in text
    assert "Set-Cookie" not in (rendered / "edge" / "haproxy.cfg").read_text()


# As needrestart does: it evaluates each file of conf.d, strictly; a unit whose pattern has 0 is not restarted.
NEEDRESTART = r"""
use strict;
our %nrconf;
for my $file (@ARGV) { eval do { local(@ARGV, $/) = $file; <> }; die $@ if $@; }
while (my $unit = <STDIN>) {
  chomp $unit;
  print "$unit\n" if grep { $unit =~ /$_/ && !$nrconf{override_rc}{$_} } keys %{$nrconf{override_rc}};
}
"""


def test_needrestart_restarts_nothing_that_serves(rendered: Path) -> None:
    files = [
        rendered / it for it in ("edge/slipway-edge.conf", "docker/slipway-docker.conf", "release/slipway-service.conf")
    ]
    serves = ["inference@blue.service", "inference@green.service", "slipway-recover@inference.service",
              "slipway-watchdog@inference.service",
              "haproxy.service", "docker.service", "docker.socket", "containerd.service"]  # fmt: skip
    others = ["ssh.service", "cron.service", "inference-other@blue.service", "haproxy-exporter.service"]
    done = subprocess.run(
        ["perl", "-e", NEEDRESTART, *map(str, files)],
        input="\n".join([*serves, *others]),
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == serves, done.stderr


def test_what_calls_releasectl_is_installed_only_where_it_knows_the_command() -> None:
    """A run with --tags tls does not install releasectl: certbot's hook must not call an earlier version."""
    variables = yaml.safe_load((ROOT / "roles" / "tls" / "vars" / "main.yml").read_text())
    calls = {it["path"] for it in variables["_tls_files"] if it.get("validate") == "{{ _tls_validate }}"}
    templates = {it["path"]: ROOT / "roles/tls/templates" / it["src"] for it in variables["_tls_files"]}
    assert calls == {path for path, template in templates.items() if "_tls_releasectl" in template.read_text()}
    assert len(calls) == 2
