"""Pure: what recovery repairs around a service, because it needs no judgement. The status names all the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..startup.fast_dataclass import dataclass
from .surroundings import Certificates, Unit, own_timers

Argv = tuple[str, ...]


@dataclass(frozen=True)
class Repair:
    name: str
    """For the events."""
    text: str
    """What was wrong and what was done, for the history and the notification."""
    commands: tuple[Argv, ...]


def own_units(service: str, slots: Iterable[str]) -> tuple[str, ...]:
    """`slots`: the units of the slots."""
    timers = own_timers(service)
    return (*timers, *(it.removesuffix("timer") + "service" for it in timers), *slots)


def unit_repairs(units: Mapping[str, Unit], service: str) -> tuple[Repair, ...]:
    """A stopped, disabled or masked timer, and every other masked unit, of our own units. Others' stay as they are."""
    timers = own_timers(service)
    found = []
    for name, unit in units.items():
        runtime = ("--runtime",) if unit.enabled == "masked-runtime" else ()
        unmask: tuple[Argv, ...] = (("systemctl", "unmask", *runtime, name),) if unit.masked else ()
        if name in timers and unit.rests:
            commands = (*unmask, ("systemctl", "enable", "--now", name))
            found.append(Repair("EnableTimer", f"{name} was {unit.state}: started", commands))
        elif unmask:
            found.append(Repair("UnmaskUnit", f"{name} was masked: unmasked", unmask))
    return tuple(found)


def certificate_repairs(it: Certificates | None) -> tuple[Repair, ...]:
    """certbot's certificate is the one to serve: its own service also installs it again when its hook has failed."""
    if it is None:
        return ()
    found = []
    if it.hook_runs is False:
        text = f"certbot's hook {it.hook} was not executable: mode 0755"
        found.append(Repair("MakeHookExecutable", text, (("chmod", "0755", it.hook),)))
    certbots = it.certbots
    if certbots and any(leaf and leaf.serial != certbots.serial for leaf in (it.served, it.on_disk)):
        text = f"certbot's certificate (serial {certbots.serial}) was not served: installed"
        found.append(Repair("InstallCertificate", text, (("releasectl", "certificate", "install"),)))
    return tuple(found)


def map_repairs(unreadable: str) -> tuple[Repair, ...]:
    """The file of the map is right: recovery writes it, and a reload reads it."""
    return (Repair("ReloadEdge", f"{unreadable}: HAProxy reloaded", (("systemctl", "reload", "haproxy.service"),)),)
