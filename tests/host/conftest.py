"""
Reads hosts of any environment and changes nothing: pytest tests/host --env local|dev|staging|prod [--limit HOST].

What a host should be comes from the inventory, resolved by Ansible itself; what it is, from testinfra over SSH.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import testinfra
from testinfra.host import Host

ROOT = Path(__file__).parent.parent.parent
WANTED = {
    "address": "ansible_host | default(inventory_hostname)",
    "port": "ansible_port | default(22)",
    "user": "ansible_user | default('')",
    "key": "ansible_ssh_private_key_file | default('')",
    "ssh_args": "ansible_ssh_common_args | default('')",
    "service": "_release_service.name",
    "slots": "_release_service.slots",
    "version": "_release_version",
    "options": "_release_model.options | combine(_release_service.options, recursive=true)",
    "domains": "_release_service.domains",
    "ca_path": "service_ca_path | default('')",
    "open_ports": "baseline_open_tcp_ports",
    "reboot_automatic": "baseline_reboot_automatic",
    "sshd_options": "baseline_sshd_options",
    "core_dumps": "baseline_core_dumps",
    "shell_timeout_s": "baseline_shell_timeout_s",
    "login_packages": "baseline_login_packages",
    "login_banner": "baseline_login_banner",
    "login_defs": "baseline_login_defs",
    "sysctl": "baseline_sysctl | combine(baseline_kernel_sysctl)",
    "certificates_dir": "service_certificates_dir",
    "denied_path": "(edge_denied_paths | default(['/metrics'])) | first",
    "renew_days": "tls_renew_before_days | default(30)",
    "golden": "_release_service.gates.golden | default(_release_model.golden)",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--env", default="local", help="the inventory to verify: local, dev, staging or prod")
    parser.addoption("--limit", default="", help="hosts of it, as for ansible-playbook; default: all")
    parser.addoption("--extra-vars", default="", help="variables of that run, as for ansible-playbook")


@cache
def inventory(env: str, limit: str, extra_vars: str) -> dict[str, dict[str, Any]]:
    """host → the values of WANTED, as the playbooks would see them. Raises UsageError if there is none."""
    message = "{{ {" + ", ".join(f"'{name}': {value}" for name, value in WANTED.items()) + "} }}"
    play = [
        {
            "hosts": "inference",
            "gather_facts": False,
            # Roles lend their defaults; none of their tasks runs.
            "roles": [{"role": role, "tags": ["never"]} for role in ("baseline", "edge", "tls", "release")],
            "post_tasks": [{"ansible.builtin.debug": {"msg": message}, "tags": ["wanted"]}],
        }
    ]
    environment = {**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as scratch:
        scratch.write(json.dumps(play))
        scratch.flush()
        ansible = str(Path(sys.executable).parent / "ansible-playbook")
        argv = [ansible, "--inventory", f"inventory/{env}", "--tags", "wanted", scratch.name]
        argv += ["--limit", limit] if limit else []
        argv += ["--extra-vars", extra_vars] if extra_vars else []
        done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise pytest.UsageError(f"inventory/{env} cannot be resolved:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    tasks = json.loads(done.stdout)["plays"][0]["tasks"]
    hosts = tasks[-1]["hosts"] if tasks else {}
    if not hosts:
        raise pytest.UsageError(f"inventory/{env} has no host in group `inference`")
    return {name: answer["msg"] for name, answer in hosts.items()}


def asked(config: pytest.Config) -> dict[str, dict[str, Any]]:
    options = ("--env", "--limit", "--extra-vars")
    return inventory(*(config.getoption(it) for it in options))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "name" in metafunc.fixturenames:
        names = sorted(asked(metafunc.config))
        metafunc.parametrize("name", names, scope="session")


@pytest.fixture(scope="session")
def wanted(name: str, request: pytest.FixtureRequest) -> dict[str, Any]:
    return asked(request.config)[name]


@pytest.fixture(scope="session")
def host(wanted: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    config = tmp_path_factory.mktemp("ssh") / "config"
    key = f'  IdentityFile "{wanted["key"]}"\n' if wanted["key"] else ""
    config.write_text(f"Host {wanted['address']}\n  Port {wanted['port']}\n  BatchMode yes\n{key}")
    user = f"{wanted['user']}@" if wanted["user"] else ""
    yield testinfra.get_host(
        f"ssh://{user}{wanted['address']}",
        ssh_config=str(config),
        ssh_extra_args=wanted["ssh_args"] or None,
        sudo=True,
        controlpersist=60,
    )


@pytest.fixture(scope="session")
def state(host: Host, wanted: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(host.file(f"/var/lib/slipway/{wanted['service']}/state.json").content_string))


@pytest.fixture(scope="session")
def container(host: Host, wanted: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
    """`docker inspect` of the live container."""
    done = host.run("docker inspect %s", f"{wanted['service']}-{state['live']['slot']}")
    assert done.rc == 0, done.stderr
    return dict(json.loads(done.stdout)[0])
