"""The deploy request of an operator or a playbook, validated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..model.errors import Code, Failure
from ..model.model import Gates, Options, Release, SecretVersion, Settings
from ..model.rollout_options import RegistryAuth, Rollout
from ..startup.fast_dataclass import dataclass
from .codec import read_canary
from .fields import Fields
from .release_fields import gates_doc, options_doc, read_gates, read_options, read_secret_versions

VERSION_PATTERN = r"v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?"
IMAGE_PATTERN = r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*@sha256:[0-9a-f]{64}"
KEY_PATTERN = r"[A-Za-z_][A-Za-z0-9_]*"
# Docker reads an env file line by line into a buffer of 64 KiB.
VALUE_LIMIT = 60_000


@dataclass(frozen=True)
class Request:
    """A validated wish. `image` None: use the digest that this version is recorded with."""

    version: str
    image: str | None
    settings: Settings
    model_version: str | None
    by: str
    reason: str
    options: Options
    gates: Gates
    auth: RegistryAuth | None = None
    rollout: Rollout | None = None
    """None: as the host is configured."""
    forward_only: bool = False
    """Refuse to replace a newer version."""
    secret_versions: tuple[SecretVersion, ...] = ()
    """Of those of its secrets that were read by reference."""


def read_request(doc: Any, base: tuple[Release, Settings] | None) -> Request:
    """
    Validate the request document. Keys it leaves out (or null) are taken over from `base`, the live release, so that
    a person on the host can say `deploy --version … --image …` and nothing else. Raises Failure (code 2).
    """
    fields = Fields(doc, "request")
    fields.only(
        "version", "image", "env", "secrets", "secret_versions", "model_version", "by", "reason", "options", "gates",
        "registry_auth", "strategy", "canary", "forward_only", "inventory_version",
    )  # fmt: skip
    if inventory := read_inventory_version(doc):
        read_version(inventory, "inventory_version")
    release, settings = base if base else (None, Settings())
    version = read_version(fields.text("version"))
    env = _variables(fields, "env") if fields.has("env") else settings.env
    secrets = _variables(fields, "secrets") if fields.has("secrets") else settings.secrets
    both = sorted(set(env) & set(secrets))
    if both:
        raise fields.bad("secrets", f"{', '.join(both)}: set in both env and secrets. Set it in one of them")
    image = fields.maybe_text("image")
    if image is not None and not re.fullmatch(IMAGE_PATTERN, image):
        raise fields.bad("image", f"expected NAME@sha256:<64 hex digits> (by digest, never by tag), got {image!r}")
    return Request(
        version=version,
        image=image,
        settings=Settings(env, secrets),
        model_version=_line(fields, "model_version", "") if fields.has("model_version") else None,
        by=_line(fields, "by", "unknown"),
        reason=_line(fields, "reason", ""),
        options=_inherit(fields, "options", read_options, options_doc(release.options) if release else {}),
        gates=_inherit(fields, "gates", read_gates, gates_doc(release.gates) if release else {}),
        auth=_auth(fields),
        rollout=_rollout(fields),
        forward_only=fields.flag("forward_only"),
        secret_versions=_secret_versions(fields, release, secrets),
    )


def read_prefetch(doc: Any) -> tuple[str, RegistryAuth | None]:
    """The request of `prefetch`: an image by digest, and the account to pull it with. Raises Failure (code 2)."""
    fields = Fields(doc, "request")
    fields.only("image", "registry_auth")
    image = fields.text("image", pattern=IMAGE_PATTERN, wanted="NAME@sha256:<64 hex digits> (by digest, never by tag)")
    return image, _auth(fields)


def _secret_versions(fields: Fields, release: Release | None, secrets: Mapping[str, str]) -> tuple[SecretVersion, ...]:
    """Of the secrets of this request; where it leaves them out, those of the live release."""
    if not fields.has("secrets"):
        if fields.has("secret_versions"):
            raise fields.bad("secret_versions", "given without secrets")
        return release.secret_versions if release else ()
    found = read_secret_versions(fields)
    for it in found:
        if it.name not in secrets:
            raise fields.bad("secret_versions", f"{it.name[:60]!r} is not in secrets")
    return found


def _rollout(fields: Fields) -> Rollout | None:
    names = "blue_green, canary or stop_first"
    if not fields.has("strategy") and not fields.has("canary"):
        return None
    default = "canary" if fields.has("canary") else "blue_green"
    strategy = fields.text("strategy", default, "blue_green|canary|stop_first", names)
    if strategy == "canary" and not fields.has("canary"):
        raise fields.bad("canary", 'missing; expected at least {"steps": [5, 25, 50]}')
    if strategy != "canary" and fields.has("canary"):
        raise fields.bad("canary", f"needs strategy canary, got {strategy}")
    if strategy == "canary":
        return Rollout("blue_green", read_canary(fields.child("canary")))
    return Rollout(strategy)


def read_inventory_version(doc: Any) -> str | None:
    """What the inventory says, for the status; empty: it names no version. None: the request was not made from one."""
    return Fields(doc, "request").maybe_text("inventory_version")


def read_version(text: str, key: str = "version") -> str:
    if not re.fullmatch(VERSION_PATTERN, text):
        raise Failure(
            Code.USAGE,
            f"request.{key}: expected a version such as v1.4.2 or v1.4.2-rc.1, got {text[:60]!r}",
            "Name the exact version; there is no `latest`.",
        )
    return text


def _inherit(fields: Fields, key: str, read: Any, base: dict[str, Any]) -> Any:
    if fields.has(key):
        return read(fields.child(key))
    return read(Fields(base, f"{fields.where}.{key}"))


def _line(fields: Fields, key: str, default: str) -> str:
    return one_line(fields.text(key, default))


def one_line(text: str) -> str:
    """What a person wrote, fit for a line of history."""
    return "".join(char if char.isprintable() else " " for char in text)[:500]


def _auth(fields: Fields) -> RegistryAuth | None:
    if not fields.has("registry_auth"):
        return None
    auth = fields.child("registry_auth")
    auth.only("username", "password")
    return RegistryAuth(auth.text("username"), auth.text("password"))


def _variables(fields: Fields, key: str) -> Mapping[str, str]:
    variables = fields.mapping(key)
    for name, value in variables.items():
        check_variable(f"{fields.where}.{key}", name, value)
    return dict(variables)


def check_variable(where: str, name: str, value: Any) -> None:
    """Refuse what a Docker env file cannot carry. Names the key, never shows the value."""
    if not re.fullmatch(KEY_PATTERN, name):
        raise Failure(Code.USAGE, f"{where}: {name[:60]!r} is no variable name (letters, digits, _)")
    if not isinstance(value, str):
        raise Failure(Code.USAGE, f"{where}.{name}: expected a string; quote numbers and booleans")
    if any(char in value for char in "\n\r\0"):
        raise Failure(
            Code.USAGE,
            f"{where}.{name}: the value has a newline or NUL, which a Docker env file cannot hold",
            "Encode it (base64) and let the application decode it.",
        )
    if len(value.encode("utf-8", "replace")) > VALUE_LIMIT:
        raise Failure(Code.USAGE, f"{where}.{name}: longer than {VALUE_LIMIT} bytes")
    if any(0xD800 <= ord(char) <= 0xDFFF for char in value):
        raise Failure(Code.USAGE, f"{where}.{name}: not valid Unicode")


def env_file(variables: Mapping[str, str]) -> str:
    """The text of a Docker env file."""
    return "".join(f"{name}={variables[name]}\n" for name in sorted(variables))


def read_env_file(text: str, where: str) -> dict[str, str]:
    """Inverse of env_file; knows comments and blank lines as Docker does. Raises Failure (code 2)."""
    variables: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.lstrip().partition("=")
        if not equals:
            raise Failure(Code.USAGE, f"{where}:{number}: expected NAME=value")
        check_variable(where, name, value)
        variables[name] = value
    return variables
