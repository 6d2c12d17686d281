"""The fixes of a certificate that ends soon, run as the status prints them: afterwards a new one is served."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.harness import host_driver as host
from tests.harness import lab
from tests.harness.oncall import LINEAGE, broken, certificate_of, clean, installed, run_fix, serial

pytestmark = pytest.mark.usefixtures("timers")

CAUSE = "the certificate on port 443 expires in 4.4 days"
LETSENCRYPT, SAVED = "/etc/letsencrypt", "/run/saved.letsencrypt"


@contextmanager
def ends_soon(script: str = "true") -> Iterator[str]:
    """
    The serial number of one that clients trust and that has less than a sixth of its life left; then `script`. All of
    certbot's files are given back, unless there is a new certificate at the end.
    """
    certificate, key, number = certificate_of(life_days=60, left_days=4.4)
    install, back = installed(certificate, key)
    undo = f"rm -rf {LETSENCRYPT}; mv {SAVED} {LETSENCRYPT}; {back}"
    host.shell(f"rm -rf {SAVED}; cp -a {LETSENCRYPT} {SAVED}")
    trusted = {"name": lab.NAME, "ca": "/run/soon.pem"}
    with broken(f"{install}; {script}", f"[ ! -e {SAVED} ] || {{ {undo}; }}"):
        with host.configured(front_door=trusted):
            yield number
        host.shell(f"rm -r {SAVED}")


def test_certbot_renews_it() -> None:
    with ends_soon() as number:
        assert serial(f"{LINEAGE}/cert.pem") == number
        run_fix(CAUSE)
    assert serial(f"{LINEAGE}/cert.pem") != number
    clean()


def test_a_converge_gets_one_where_certbot_has_none() -> None:
    with ends_soon(f"rm -r {LETSENCRYPT}/live {LETSENCRYPT}/archive {LETSENCRYPT}/renewal") as number:
        run_fix(CAUSE)
    assert serial(f"{LINEAGE}/cert.pem") != number
    clean()
