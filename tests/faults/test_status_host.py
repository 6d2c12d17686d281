"""
What the status says while clients are served: the host is not as it should be. Each line is provoked, and its text
compared.
"""

from __future__ import annotations

import re

import pytest

from drills.faults import CONFIG
from tests.harness import host_driver as host
from tests.harness import lab, network
from tests.harness.oncall import (
    CERTIFICATE,
    FIX,
    LINEAGE,
    broken,
    certificate_of,
    clean,
    code,
    first_line,
    metrics,
    troubles,
)

pytestmark = pytest.mark.usefixtures("timers")


def test_a_changed_file_tells_who_was_logged_in_at_that_time() -> None:
    ssh, *words = network.login("admin")
    with broken(f"cp -p {CONFIG} /run/saved.cfg", f"cp -p /run/saved.cfg {CONFIG}"):
        lab.good(lab.run(ssh, "-tt", *words, f"echo '# by hand' | sudo tee -a {CONFIG}"))
        (told,) = troubles()
        assert re.fullmatch(
            rf"changed since the converge \w+ ago by \S+: {CONFIG} \(content, [0-9]+s ago; "
            rf"logged in at that time: admin from [0-9.]+\)\. Fix: "
            rf"ansible-playbook site\.yml --limit {lab.HOST} --skip-tags rollout",
            told,
        ), told
        assert lab.status()["checks"]["changed_files"] == [CONFIG]
    clean()


def test_the_wanted_version_is_not_the_live_one_after_a_rollback() -> None:
    wanted, back = host.other(host.live()), host.live()
    record, saved = f"{host.HOME}/wanted.json", "/run/saved.wanted"
    host.shell(f"rm -f {saved}; mv {record} {saved}", check=False)
    host.good(host.deploy({**host.request(wanted), "inventory_version": wanted}))
    assert not any("the inventory says" in it for it in lab.status()["notices"])
    host.good(host.releasectl("rollback"))
    try:
        said = [it for it in lab.status_text().splitlines() if "the inventory says" in it]
        assert re.sub(r"[0-9]+s ago", "1s ago", "".join(said)) == (
            f"  notice    the inventory says {wanted} (as of the deploy 1s ago by faults), {back} is live. "
            f"Fix: set the service's version in services.yml to {back}, or: ansible-playbook playbooks/deploy.yml "
            f"--limit {lab.HOST} -e service=inference -e version={wanted}"
        )
        assert lab.status()["wanted"] == wanted
        assert code() == 0
    finally:
        host.shell(f"rm {record}; mv {saved} {record}", check=False)


def test_the_playbook_tells_of_another_version_in_the_inventory() -> None:
    """The host has a version of the tests; the inventory has that of the lab."""
    said = lab.good(lab.play("playbooks/status.yml", *lab.LIMIT)).out
    assert "inference  serving: " in said
    assert re.search(
        rf"notice    the inventory says v1\S+, {host.live()} is live\. Fix: set the service's version", said
    )


def test_a_deploy_that_names_no_version_does_not_go_back() -> None:
    before = host.live()
    refused = lab.play("site.yml", *lab.LIMIT, "--tags", "rollout", "-e", "release_forward_only=true")
    assert refused.code != 0
    assert f"{before} (release " in refused.out
    assert "is live, and this deploy, which names no version, would go back to v1" in refused.out
    assert host.live() == before


def test_the_certificate_ends_soon() -> None:
    """The one that certbot has, trusted by clients, with less than a sixth of its life left."""
    certificate, key, serial = certificate_of(life_days=60, left_days=4.4)
    lab.write("/run/soon.pem", certificate)
    lab.write("/run/soon.key", key)
    chain = f"{LINEAGE}/fullchain.pem"
    install = (
        f"cp {chain} /run/saved.chain; cp -p {CERTIFICATE} /run/saved.pem; cat /run/soon.pem > {chain};"
        f" cat /run/soon.pem /run/soon.key > {CERTIFICATE}; systemctl reload haproxy; sleep 1"
    )
    back = f"cat /run/saved.chain > {chain}; cp -p /run/saved.pem {CERTIFICATE}; systemctl reload haproxy"
    trusted = {"name": lab.NAME, "ca": "/run/soon.pem"}
    with broken(install, back), host.configured(front_door=trusted):
        assert first_line().startswith("inference  serving: ")
        assert troubles() == [
            f"the certificate at 443 ends in 4.4 days (serial {serial}). "
            f"{FIX}sudo systemctl start certbot && sudo journalctl -u certbot"
        ]
        assert "\n  certificate  ends in 4 days\n" in lab.status_text()
        assert code() == 1
    clean()


def test_the_clock_is_not_synchronized() -> None:
    """
    The unit runs, and has not reached a time server. In its place a process that never will: timesyncd itself would set
    the clock of the machine that the lab runs on.
    """
    drop_in = "/run/systemd/system/systemd-timesyncd.service.d"
    lines = (
        "[Unit] ConditionVirtualization= [Service] Type=exec ExecStart= ExecStart=/bin/sleep\\ infinity WatchdogSec=0"
    )
    restart = "systemctl daemon-reload; systemctl restart systemd-timesyncd"
    run = f"mkdir -p {drop_in}; printf '%s\\n' {lines} > {drop_in}/test.conf; {restart}"
    # Started again, or the unit would remember that nothing keeps it down in a container.
    with broken(run, f"rm -r {drop_in}; systemctl stop systemd-timesyncd; {restart}"):
        assert troubles() == [f"the clock is not synchronized. {FIX}sudo systemctl restart systemd-timesyncd.service"]
        assert code() == 1
    clean()


def test_memory_is_low() -> None:
    """As the kernel tells of it: nothing has to be killed for that."""
    low = "sed 's/^MemAvailable:.*/MemAvailable:      51200 kB/' /proc/meminfo > /run/meminfo"
    with broken(f"{low}; mount --bind /run/meminfo /proc/meminfo", "umount /proc/meminfo"):
        (told,) = troubles()
        assert re.fullmatch(
            r"50 MB of [0-9]+ MB memory are available\. "
            r"Fix: see which process has it: ps aux --sort=-rss \| head",
            told,
        ), told
        assert code() == 1
    clean()


def test_dns_is_dead() -> None:
    with broken("cp /etc/resolv.conf /run/saved.conf; echo nameserver 192.0.2.1 > /etc/resolv.conf",
                "cat /run/saved.conf > /etc/resolv.conf"):  # fmt: skip
        (told,) = troubles()
        assert told.startswith("the registry's name ") and "does not resolve" in told
        assert code() == 1
        assert metrics()["registry_up"] == 0
        host.shell("cat /run/saved.conf > /etc/resolv.conf")
        clean()
