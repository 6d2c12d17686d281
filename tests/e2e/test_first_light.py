"""From nothing to a prediction over TLS, by the commands that README names."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.harness import lab, network
from tests.harness.tls import served_certificate


@pytest.fixture(scope="module", autouse=True)
def fresh_host() -> None:
    # On a machine that never had a lab there is no engine yet that could remove anything.
    if shutil.which("docker"):
        lab.remove_host()
    lab.good(lab.play("playbooks/lab/up.yml", timeout_s=1800))
    lab.forget_backup()
    lab.good(lab.build("v1.0.0"))


def test_check_mode_tells_the_truth_on_a_clean_host() -> None:
    before = lab.on_host("find", "/etc", "/var/lib/dpkg", "-newer", "/proc/1/cmdline", "-type", "f")
    done = lab.good(lab.play("site.yml", "--check", "--diff"))
    assert done.recap[lab.HOST]["changed"] > 10
    assert '"version": "v1.0.0"' in done.out, "the diff names the release that would go live"
    assert not lab.on_host("ls", "/usr/local/bin").strip(), "nothing was installed"
    assert lab.on_host("find", "/etc", "/var/lib/dpkg", "-newer", "/proc/1/cmdline", "-type", "f") == before


def test_make_deploy_ends_with_a_url_that_predicts() -> None:
    done = lab.good(lab.make("deploy"))
    assert f"{lab.URL}/predict answers" in done.out
    lab.predicts_right()
    assert lab.live_version() == "v1.0.0"


def test_the_chain_is_the_acme_server_s() -> None:
    issuer = served_certificate(lab.NAME, str(lab.ROOTS)).issuer
    assert "Pebble" in issuer.rfc4514_string()


def test_a_second_make_deploy_changes_nothing() -> None:
    done = lab.good(lab.make("deploy"))
    assert all(counts["changed"] == 0 for counts in done.recap.values())


def test_a_converge_sees_what_somebody_changed_and_mends_it() -> None:
    """That all of it is mended, the next test says. Without recovery, which mends the firewall by itself."""
    for argv in (
        ("systemctl", "mask", "--now", "slipway-recover@inference.timer", "slipway-watchdog@inference.timer"),
        ("sh", "-c", "echo '# drift' >> /etc/haproxy/haproxy.cfg"),
        ("chmod", "0400", "/etc/sudoers.d/slipway"),
        ("systemctl", "stop", "certbot.timer"),
        ("nft", "delete", "table", "inet", "slipway"),
        ("dpkg", "--remove", "unattended-upgrades"),
    ):
        lab.on_host(*argv)
    seen = lab.good(lab.play("site.yml", *lab.LIMIT, "--check", "--diff"))
    for words in ("-# drift", "/etc/sudoers.d/slipway", "certbot.timer", "role baseline: command firewall",
                  "unattended-upgrades", "slipway-recover@inference.timer",
                  "slipway-watchdog@inference.timer"):  # fmt: skip
        assert words in seen.out
    assert seen.recap[lab.HOST]["changed"] == 7, "with the notification of HAProxy's handler"
    assert "inet slipway" not in lab.on_host("nft", "list", "tables"), "a check mends nothing"
    changed = next(it for it in lab.status()["problems"] if it["cause"].startswith("changed since the converge "))
    assert "/etc/haproxy/haproxy.cfg (content, " in changed["cause"]
    assert "/etc/sudoers.d/slipway (mode 0440 → 0400, " in changed["cause"]
    # The fix as it is printed. With the handlers of HAProxy's configuration and of the firewall, too.
    assert changed["fix"] == f"ansible-playbook site.yml --limit {lab.HOST} --skip-tags rollout"
    assert lab.good(lab.play(*changed["fix"].split()[1:])).recap[lab.HOST]["changed"] == 9
    assert lab.status()["checks"]["changed_files"] == []
    converged = lab.history()[0]
    assert (converged["kind"], converged["outcome"]) == ("converge", "done")
    assert "edge: /etc/haproxy/haproxy.cfg" in converged["cause"]
    assert "policy drop" in lab.on_host("nft", "list", "chain", "inet", "slipway", "input")


def test_check_mode_tells_the_truth_on_a_converged_host() -> None:
    done = lab.good(lab.play("site.yml", "--check", "--diff"))
    assert done.recap[lab.HOST]["changed"] == 0


def administered(*users: dict[str, Any]) -> lab.Done:
    words = ("--tags", "baseline", "-e", json.dumps({"baseline_users": users}))
    return lab.good(lab.play("site.yml", *lab.LIMIT, *words))


def changes(done: lab.Done) -> int:
    return done.recap[lab.HOST]["changed"]


def test_administrators_come_and_go(tmp_path: Path) -> None:
    key = tmp_path / "key"
    lab.good(lab.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "alice@home", "-f", str(key)))
    alice = {"name": "alice", "keys": [key.with_suffix(".pub").read_text().strip()], "sudo": True}
    login = (*network.login("alice", key), "sudo", "-n", "id", "-u")
    assert lab.run(*login).code != 0

    assert changes(administered(alice)) == 3, "the account, its key, sudo"
    assert lab.good(lab.run(*login)).out.strip() == "0"
    again = administered(alice)
    assert changes(again) == 0
    assert "Create the administrators' accounts" not in again.out, "a host without drift is skipped"
    lab.on_host("sh", "-c", "echo 'ssh-ed25519 AAAA somebody else' >> /home/alice/.ssh/authorized_keys")
    assert changes(administered(alice)) == 1

    gone = {**alice, "state": "absent"}
    assert changes(administered(gone)) == 2, "the account and sudo"
    assert lab.run(*login).code != 0
    assert changes(administered(gone)) == 0
    lab.on_host("rm", "-r", "/home/alice")


def test_make_verify_proves_the_host() -> None:
    done = lab.good(lab.make("verify"))
    assert " passed" in done.out
    assert "skipped" not in done.out


def test_verify_fails_on_a_host_that_is_not_as_the_inventory_says() -> None:
    lab.on_host("chmod", "0644", "/var/lib/slipway/inference/releases/1/secrets.env")
    try:
        done = lab.make("verify")
        assert done.code != 0
        assert "test_secrets_are_for_root_alone" in done.out
    finally:
        lab.on_host("chmod", "0600", "/var/lib/slipway/inference/releases/1/secrets.env")


def test_status_says_what_is_live() -> None:
    done = lab.good(lab.make("status"))
    assert "v1.0.0 live on" in done.out
    assert "healthy" in done.out


def test_a_version_is_built_once() -> None:
    done = lab.make("build", "VERSION=v1.0.0")
    assert done.code != 0
    assert "never overwritten" in done.out
    assert "sha256:" in done.out
