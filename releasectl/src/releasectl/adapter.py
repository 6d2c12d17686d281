"""Puts the devices of this host together."""

from __future__ import annotations

import os

from .edge.routing import Haproxy
from .host.canary_mailbox import CanaryMailbox
from .host.containers import ServiceContainers
from .host.docker import Docker
from .host.events import Events
from .host.headers import RequestHeaders
from .host.hooks import HookDirectory
from .host.machine import LinuxMachine
from .host.netfilter import Netfilter
from .host.paths import Paths
from .host.process import EngineProcess
from .host.scope import end_empty
from .host.service_http import ServiceHttp
from .host.store import Store
from .host.units import SlotUnits
from .model.model import Config
from .rollout.ports import Host


class Devices:
    """The devices, and the host that commands get of them."""

    def __init__(self, paths: Paths, config: Config) -> None:
        self.run_dir = paths.run
        self.process = EngineProcess(config.service)
        self.events = Events(paths.events, config.service)
        self.records = Store(paths, config)
        self.containers = ServiceContainers(
            Docker(paths.docker_socket),
            config=config,
            run_dir=paths.run,
            images_of_others=self.records.images_of_others,
            pulse=self.process.pulse,
        )
        self.canary_mailbox = CanaryMailbox(paths.run, config.service)
        self.http = ServiceHttp(config, RequestHeaders(config, self.records))
        self.host = Host(
            config=config,
            process=self.process,
            events=self.events,
            records=self.records,
            units=SlotUnits(paths, config, self.process),
            machine=LinuxMachine(),
            containers=self.containers,
            packet_filter=Netfilter(paths),
            routing=Haproxy(paths.at(config.haproxy_socket), paths.at(config.haproxy_master), config),
            http=self.http,
            canary_mailbox=self.canary_mailbox,
            hooks=HookDirectory(paths.hooks(config.service), config.hook_timeout_s),
        )

    def prepare(self) -> None:
        """What a changing command needs before anything else. Only under the lock."""
        os.makedirs(self.run_dir, mode=0o700, exist_ok=True)
        self.containers.forget_logins()
        end_empty(self.host.config.service)
        self.canary_mailbox.clear()
        self.records.prepare()
