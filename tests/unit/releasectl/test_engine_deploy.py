"""What deploy does on a host where nothing crashes."""

from __future__ import annotations

from .host import Host, config
from .scenarios import check_consistent, check_idle, deploy, with_live


def test_the_first_deploy_makes_the_version_live() -> None:
    host = Host(config())
    result = deploy(host, "v1.0.0")
    assert (result.outcome, result.code, result.changed, result.previous) == ("live", 0, True, None)
    assert result.release and result.release.version == "v1.0.0"
    assert check_consistent(host).live
    check_idle(host)


def test_the_second_deploy_keeps_the_first_as_standby() -> None:
    host = with_live("v1.0.0", "v2.0.0")
    state = check_consistent(host)
    assert state.live and state.live.ref.version == "v2.0.0"
    assert state.standby and state.standby.ref.version == "v1.0.0"
    check_idle(host)
