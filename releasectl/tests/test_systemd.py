"""What systemd says of the slots' units, from a systemctl of the test's own."""

from __future__ import annotations

import pytest
from releasectl.host.systemd import request_states
from releasectl.model.errors import Code, Failure

from .conftest import StandIn
from .simulated_host import config


def test_each_slot_has_the_state_of_its_unit(stand_in: StandIn) -> None:
    asked = "is-active inference@blue.service inference@green.service"
    stand_in("systemctl", f'[ "$*" = "{asked}" ] && echo active && echo failed')
    units = request_states(config())()
    assert (units.active, units.up("blue"), units.up("green")) == ({"blue": "active", "green": "failed"}, True, False)


def test_a_slot_that_is_not_up_is_no_trouble(stand_in: StandIn) -> None:
    stand_in("systemctl", "echo inactive; echo inactive; exit 3")
    assert not request_states(config())().up("blue")


def test_a_systemd_that_does_not_answer_is_not_taken_for_stopped_units(stand_in: StandIn) -> None:
    stand_in("systemctl", "echo 'Failed to connect to bus' >&2; exit 1")
    with pytest.raises(Failure, match="Failed to connect to bus") as raised:
        request_states(config())()
    assert raised.value.code == Code.PREFLIGHT
