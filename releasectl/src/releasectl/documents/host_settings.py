"""/etc/slipway/edge.json and tls.json: the settings of the commands that belong to the host and not to one service."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ..model.errors import Code, Failure
from ..startup.fast_dataclass import dataclass, field
from .fields import CONVERGE, Fields

T = TypeVar("T")
ABSOLUTE, ABSOLUTE_WANTED = r"/[!-~]+", "an absolute path"
NAME, NAME_WANTED = r"(\*\.)?[0-9A-Za-z]([0-9A-Za-z.-]*[0-9A-Za-z])?", "a DNS name"


@dataclass(frozen=True)
class EdgeSettings:
    """edge.json, written by the role `edge`."""

    config: str
    """HAProxy's configuration (path)."""
    previous_config: str
    """Where `edge validate` saves the configuration that is about to be replaced (path)."""
    haproxy_socket: str
    reload_timeout_s: float


@dataclass(frozen=True)
class TlsSettings:
    """tls.json, written by the role `tls`."""

    name: str
    """Name of the certificate: the first of `domains`."""
    domains: tuple[str, ...]
    directory_url: str
    email: str
    """Contact address of the ACME account; empty: none."""
    renew_before_days: int
    certificate: str
    """The PEM file that HAProxy serves (path)."""
    haproxy_socket: str
    served_at: str
    """Where HAProxy serves it (address:port)."""
    timeout_s: float
    renewal: Mapping[str, str] = field(default_factory=dict)
    """The parameters that certbot's renewal configuration must have; `key_type` is always one of them."""


def read_edge(doc: Any, where: str) -> EdgeSettings:
    """Raises Failure (code 2) that names the wrong key."""
    fields = Fields(doc, where)
    fields.only("config", "previous_config", "haproxy_socket", "reload_timeout_s")
    return EdgeSettings(
        config=fields.text("config", pattern=ABSOLUTE, wanted=ABSOLUTE_WANTED),
        previous_config=fields.text("previous_config", pattern=ABSOLUTE, wanted=ABSOLUTE_WANTED),
        haproxy_socket=fields.text("haproxy_socket", pattern=ABSOLUTE, wanted=ABSOLUTE_WANTED),
        reload_timeout_s=fields.number("reload_timeout_s"),
    )


def read_tls(doc: Any, where: str) -> TlsSettings:
    """Raises Failure (code 2) that names the wrong key."""
    fields = Fields(doc, where)
    fields.only(
        "name", "domains", "directory_url", "email", "renew_before_days", "certificate", "haproxy_socket", "served_at",
        "timeout_s", "renewal",
    )  # fmt: skip
    renewal = fields.child("renewal")
    renewal.only("authenticator", "http01_address", "http01_port", "key_type")
    renewal.text("key_type", pattern="ecdsa|rsa", wanted="ecdsa or rsa")
    renewal.text("authenticator")
    if renewal.has("http01_port"):
        renewal.text("http01_port", pattern=r"\d{1,5}", wanted="a port number as text")
    return TlsSettings(
        name=fields.text("name", pattern=NAME, wanted=NAME_WANTED),
        domains=fields.texts("domains"),
        directory_url=fields.text("directory_url", pattern=r"https://\S+", wanted="an https URL"),
        email=fields.text("email", ""),
        renew_before_days=fields.whole("renew_before_days"),
        certificate=fields.text("certificate", pattern=ABSOLUTE, wanted=ABSOLUTE_WANTED),
        haproxy_socket=fields.text("haproxy_socket", pattern=ABSOLUTE, wanted=ABSOLUTE_WANTED),
        served_at=fields.text("served_at", pattern=r"\S+:\d{1,5}", wanted="address:port"),
        timeout_s=fields.number("timeout_s"),
        renewal={key: renewal.text(key) for key in renewal.doc},
    )


def parse(text: str, where: str, read: Callable[[Any, str], T]) -> T:
    """JSON text to settings. Raises Failure (code 2)."""
    try:
        doc = json.loads(text)
    except ValueError as error:
        raise Failure(Code.USAGE, f"{where}: not JSON: {error}", CONVERGE) from error
    return read(doc, where)


def load(path: str, read: Callable[[Any, str], T]) -> T:
    """A file of settings. Raises Failure (code 2)."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        raise Failure(Code.USAGE, f"{path}: {error.strerror}", CONVERGE) from error
    return parse(text, path, read)
