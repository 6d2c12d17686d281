"""
What the status says while clients are served: the host is not as it should be. Each line is provoked, and its text
compared.
"""

from __future__ import annotations

import re

import pytest

from drills.faults import CONFIG, OTHER_CERTIFICATE
from tests.harness import canaries, lab, network
from tests.harness import host_driver as host
from tests.harness.oncall import (
    CERTIFICATE,
    FIX,
    FORGOTTEN_RELOAD,
    LINEAGE,
    broken,
    certificate_of,
    clean,
    code,
    first_line,
    installed,
    metrics,
    serial,
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
    assert not any("the inventory has" in it for it in lab.status()["notices"])
    host.good(host.releasectl("rollback"))
    try:
        said = [it for it in lab.status_text().splitlines() if "the inventory has" in it]
        assert re.sub(r"[0-9]+s ago", "1s ago", "".join(said)) == (
            f"  notice    the inventory has {wanted} (as of the deploy 1s ago by faults), but {back} is live. "
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
        rf"notice    the inventory has v1\S+, but {host.live()} is live\. Fix: set the service's version", said
    )


def test_a_deploy_that_names_no_version_does_not_go_back() -> None:
    before = host.live()
    refused = lab.play("site.yml", *lab.LIMIT, "--tags", "rollout", "-e", "release_forward_only=true")
    assert refused.code != 0
    assert "no version was specified, and the version in the inventory, v1" in refused.out
    assert f"is older than the live {before} (release " in refused.out
    assert host.live() == before


def test_the_certificate_ends_soon() -> None:
    """The one that certbot has, trusted by clients, with less than a sixth of its life left."""
    certificate, key, number = certificate_of(life_days=60, left_days=4.4)
    install, back = installed(certificate, key)
    trusted = {"name": lab.NAME, "ca": "/run/soon.pem"}
    with broken(install, back), host.configured(front_door=trusted):
        assert first_line().startswith("inference  serving: ")
        assert troubles() == [
            f"the certificate on port 443 expires in 4.4 days (serial {number}). "
            f"{FIX}sudo systemctl start certbot && sudo journalctl -u certbot"
        ]
        assert "\n  certificate  expires in 4 days\n" in lab.status_text()
        assert code() == 1
    clean()


def test_another_certificate_is_on_disk_than_certbot_has() -> None:
    with broken(OTHER_CERTIFICATE.script, OTHER_CERTIFICATE.undo):
        assert troubles() == [
            f"{CERTIFICATE} has serial {serial(CERTIFICATE)}; certbot has serial {serial(f'{LINEAGE}/cert.pem')}. "
            f"{FIX}sudo releasectl certificate install"
        ]
        assert first_line().startswith("inference  serving: ")
        assert code() == 1
    clean()


def test_another_certificate_is_served_than_is_on_disk() -> None:
    with broken(FORGOTTEN_RELOAD.script, FORGOTTEN_RELOAD.undo):
        assert (
            f"port 443 serves serial {serial('/run/wrong.pem')}; {CERTIFICATE} has serial {serial(CERTIFICATE)}. "
            f"{FIX}sudo systemctl reload haproxy"
        ) in [*troubles(), first_line().removeprefix("inference  NOT SERVING: ")]
        assert code() == 2
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


def test_the_registry_does_not_answer() -> None:
    name = host.image(host.A).partition("/")[0]
    address = lab.on_host("getent", "ahostsv4", name).split()[0]
    with network.unreachable(name):
        assert troubles() == [
            f"the registry {name} does not answer at {address}:443 (No route to host): no new image can be pulled. "
            "Fix: check the network and the DNS of this host (resolvectl status). What is live is served without it"
        ]
        assert code() == 1
        assert metrics()["registry_up"] == 0
    clean()


def test_the_model_store_does_not_resolve_or_answer() -> None:
    """Of the live release: its variables say where its model is."""
    name, hosts = "models.slipway.test", "/etc/hosts"
    store = {"MODEL_STORE": "s3://models/models", "AWS_ENDPOINT_URL_S3": f"https://{name}:4443"}
    advice = (
        "no new model can be fetched. Fix: check the network and the DNS of this host (resolvectl status). "
        "What is live has its model already"
    )
    request = host.request(host.other(host.live()))
    request["env"] |= store
    host.good(host.deploy(request))
    try:
        assert troubles() == [f"the model store's name {name} does not resolve (Name or service not known): {advice}"]
        assert code() == 1
        with broken(
            f"cp {hosts} /run/saved.hosts; echo 127.0.0.9 {name} >> {hosts}", f"cat /run/saved.hosts > {hosts}"
        ):
            refused = f"the model store {name} does not answer at 127.0.0.9:4443 (Connection refused)"
            assert troubles() == [f"{refused}: {advice}"]
            assert code() == 1
    finally:
        host.good(host.deploy(host.request(host.other(host.live()))))
    clean()


def test_dockers_disk_is_low() -> None:
    with host.configured(min_free_mb=10**9):
        (told,) = troubles()
        assert re.fullmatch(
            r"[0-9]+ MB free on Docker's disk: below 1000000000 MB every deploy is refused\. "
            + re.escape(f"{FIX}sudo releasectl --service inference prune; docker system df"),
            told,
        ), told
        assert code() == 1
    clean()


def test_the_disk_of_the_records_is_low() -> None:
    """On a disk of their own that is smaller than what there should be free."""
    records = host.HOME.rpartition("/")[0]
    mount = f"mkdir /run/low && mount -t tmpfs -o size=48m low /run/low && cp -a {records}/. /run/low"
    # Lazy: whatever reads there at that moment may go on.
    back = f"umount --lazy {records}; umount --lazy /run/low; rmdir /run/low"
    with broken(f"{mount} && mount --bind /run/low {records}", back):
        (told,) = troubles()
        assert re.fullmatch(
            rf"[0-9]+ MB free on the disk of {records}: records of rollouts cannot be written\. "
            r"Fix: see what takes them: sudo du --one-file-system --max-depth 2 -h / \| sort -h \| tail",
            told,
        ), told
        assert code() == 1
    clean()


def test_a_canary_that_is_held_and_the_change_that_it_is() -> None:
    wanted = host.other(host.live())
    doc = {**canaries.canary(wanted, step_s=300), "reason": "AB"}
    with canaries.running(doc, canaries.FIRST):
        host.good(host.releasectl("canary", "hold", "--by", "bob"))
        canaries.wait_shown(canaries.FIRST, "hold")
        lines = lab.status_text().splitlines()
    slot = "green" if lab.state()["live"]["slot"] == "blue" else "blue"
    (canary,) = (it for it in lines if it.startswith("  canary "))
    assert re.fullmatch(
        rf"  canary    {wanted} on {slot} gets {canaries.FIRST} %, hold by bob for [0-9]+s; candidate: [^;]+; "
        r"live: [^;]+; reason: AB; end it by `sudo releasectl --service inference canary promote` or `abort`",
        canary,
    ), canary
    (running,) = (it for it in lines if it.startswith("  running "))
    assert re.fullmatch(
        rf"  running   deploy {wanted} by alice since [0-9TZ:.-]+ \([0-9]+s, pid [0-9]+\): AB", running
    ), running
    canaries.until_ended()
    clean()


def test_the_certificate_has_ended() -> None:
    certificate, key, number = certificate_of(life_days=60, left_days=-2)
    install, back = installed(certificate, key)
    with broken(install, back):
        assert first_line().startswith("inference  NOT SERVING: ")
        assert (
            f"the certificate on port 443 expired 2.0 days ago (serial {number}). "
            f"{FIX}sudo systemctl start certbot && sudo journalctl -u certbot"
        ) in troubles()
        assert code() == 2
    clean()
