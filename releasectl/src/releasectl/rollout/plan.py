"""Pure: which release is meant, in which slot, and what a transaction has to do. Raises Failure with the way out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ..documents.codec import settings_keys
from ..documents.release_fields import HEADER_VALUE, options_doc
from ..documents.request import Request
from ..model.errors import Code, Failure
from ..model.journal import Intent
from ..model.model import Config, Ref, Release, Settings, State
from ..model.rollout_options import Rollout
from ..startup.fast_dataclass import replace

SettingsOf = Callable[[int], Settings]
NextId = Callable[[], int]


def resolve_release(
    request: Request,
    releases: Mapping[int, Release],
    state: State,
    *,
    settings_of: SettingsOf,
    next_id: NextId,
    now: float,
) -> tuple[Release, bool]:
    """The release a request means and whether it is new. The live one is preferred, then the newest identical one."""
    check_headers(request)
    recorded = [releases[number] for number in sorted(releases, reverse=True)]
    recorded.sort(key=lambda it: not (state.live and state.live.ref.id == it.ref.id))
    same_version = [it for it in recorded if it.ref.version == request.version]
    image = request.image or (same_version[0].ref.image if same_version else None)
    if image is None:
        raise Failure(
            Code.USAGE,
            f"request.image: {request.version} is not recorded here, so its image has to be named",
            f"Name it: --image REPOSITORY@sha256:…. Recorded here: {listed(releases)}.",
        )
    moved = next((it for it in same_version if digest(it.ref.image) != digest(image)), None)
    if moved:
        raise Failure(
            Code.USAGE,
            f"request.image: {request.version} is recorded here as {digest(moved.ref.image)}, but the request "
            f"has {digest(image)}: the tag moved",
            "Versions are immutable: give the new build a new version. The one that is recorded here goes live with "
            f"`releasectl rollback --to {request.version}`.",
        )
    for release in same_version:
        # Compared last, because it reads files. Only a new release needs a number, which reads all records.
        if _same(release, request, image) and settings_of(release.ref.id) == request.settings:
            return release, False
    ref = Ref(next_id(), request.version, image, request.model_version)
    keys = settings_keys(request.settings.env), settings_keys(request.settings.secrets)
    release = Release(ref, request.options, request.gates, *keys, request.by, request.reason, now)
    return replace(release, secret_versions=request.secret_versions), True


def refuse_older(request: Request, state: State) -> None:
    """A deploy that nobody gave a version must not take a newer one away. Raises Failure (code 8)."""
    live = state.live.ref if state.live else None
    if request.forward_only and live and _order(request.version) < _order(live.version):
        raise Failure(
            Code.PREFLIGHT,
            f"no version was specified, and the version in the inventory, {request.version}, is older than the live "
            f"{live}",
            f"Set version of the service in inventory/<env>/group_vars/all/services.yml to {live.version}, or deploy "
            f"the older one with VERSION={request.version}.",
        )


def _order(version: str) -> tuple[list[int], bool, str]:
    """v1.4.2-rc.1 before v1.4.2 (Semantic Versioning 2.0.0, section 11; pre-releases of one version by their text)."""
    numbers, _, before = version.removeprefix("v").partition("-")
    return [int(number) for number in numbers.split(".")], not before, before


def check_headers(request: Request) -> None:
    """Refuse gates that name a secret which the release lacks, or one that no header can carry."""
    named = [("request.gates", request.gates.headers)]
    named += [(f"request.gates.golden[{n}]", golden.headers) for n, golden in enumerate(request.gates.golden)]
    for owner, headers in named:
        for header in headers:
            where = f"{owner}.headers.{header.name}"
            if header.secret is None:
                continue
            if header.secret not in request.settings.secrets:
                raise Failure(
                    Code.USAGE,
                    f"{where}: the release has no secret {header.secret}",
                    f"Give {header.secret} in secrets (release_secrets in the inventory), or name one that is there.",
                )
            if not re.fullmatch(HEADER_VALUE, request.settings.secrets[header.secret]):
                why = "contains characters that a header value cannot have"
                raise Failure(Code.USAGE, f"{where}: the value of secret {header.secret} {why}")


def _same(release: Release, request: Request, image: str) -> bool:
    return (
        release.ref.image == image
        and release.ref.model_version == request.model_version
        and release.options == request.options
        and release.gates == request.gates
    )


def rollback_target(to: str | None, releases: Mapping[int, Release], state: State) -> Release:
    """
    The release a rollback means. Without `to`: the one that was live before. After a rollback there is no such default:
    repeated by a person whose connection dropped, it would bring the bad release back.
    """
    live = state.live
    if to is not None:
        number = int(to) if re.fullmatch(r"[0-9]{1,18}", to) else None
        found = [it for it in releases.values() if it.ref.id == number or it.ref.version == to]
        if not found:
            raise Failure(Code.UNKNOWN, f"{to} is not recorded on this host", f"Recorded here: {listed(releases)}.")
        return max(found, key=lambda it: (bool(live and it.ref.id == live.ref.id), it.ref.id))
    if live and live.via == "rollback":
        raise Failure(
            Code.UNKNOWN,
            f"{live.ref} is already live by a rollback"
            + (f" from {state.previous}" if state.previous else "")
            + "; specify which release to roll back to",
            f"releasectl rollback --to VERSION|ID. Recorded here: {listed(releases)}.",
        )
    if state.previous is None:
        raise Failure(Code.UNKNOWN, "no release was live before this one", f"Recorded here: {listed(releases)}.")
    release = releases.get(state.previous.id)
    if release is None:
        raise Failure(
            Code.UNKNOWN, f"{state.previous} is no longer recorded here", f"Recorded here: {listed(releases)}."
        )
    return release


def build_intent(
    *,
    kind: str,
    txn: str,
    target: Ref,
    fresh: bool,
    running: bool,
    state: State,
    config: Config,
    by: str,
    reason: str,
    now: float,
    rollout: Rollout | None = None,
    old_ready_path: str = "/ready",
) -> Intent:
    """
    `running`: the standby runs and is ready. The slot is the one that is not live. Without a live release (or with
    the same one, or in maintenance) there is nothing to compare with; with a warm standby there is room for two.
    """
    live, standby = state.live, state.standby
    slot = config.other(live.slot) if live else next(iter(config.slots))
    adopt = bool(running and standby and standby.ref.id == target.id and standby.slot == slot)
    comparable = live is not None and live.ref.id != target.id and not state.maintenance
    rollout = rollout or Rollout(config.strategy)
    return Intent(
        txn=txn,
        kind=kind,
        target=target,
        slot=slot,
        fresh=fresh,
        adopt=adopt,
        before=state,
        by=by,
        reason=reason,
        started=now,
        canary=rollout.canary if comparable else None,
        stop_first=rollout.strategy == "stop_first" and live is not None and not adopt,
        old_ready_path=old_ready_path,
    )


def digest(image: str) -> str:
    return image.partition("@")[2]


def listed(releases: Mapping[int, Release]) -> str:
    """`v1.0.0 (release 1), …`, the newest first."""
    return ", ".join(str(releases[number].ref) for number in sorted(releases, reverse=True)) or "nothing"


def diff(before: Release | None, target: Release, changed_values: tuple[str, ...]) -> dict[str, Any]:
    """What a release changes, without any value of env or secrets."""
    new = _shown(target)
    if changed_values:
        new["values_changed"] = list(changed_values)
    return {"before": _shown(before) if before else {}, "after": new}


def _shown(release: Release) -> dict[str, Any]:
    return {
        "version": release.ref.version,
        "digest": digest(release.ref.image),
        "image": release.ref.image,
        "model_version": release.ref.model_version,
        "env": list(release.env_keys),
        "secrets": list(release.secret_keys),
        "options": options_doc(release.options),
    }


def changed_keys(old: Settings, new: Settings) -> tuple[str, ...]:
    """Names of variables whose value differs, known to both. Never the values."""
    both = [(old.env, new.env), (old.secrets, new.secrets)]
    return tuple(sorted({key for a, b in both for key in a if key in b and a[key] != b[key]}))
