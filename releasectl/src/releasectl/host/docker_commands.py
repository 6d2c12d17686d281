"""Docker commands as values, and what its error texts mean. Tests compare the arrays without a host."""

from __future__ import annotations

import re
from collections.abc import Callable

from ..model.errors import Code, Failure
from ..model.model import Config, Options, Release

LABEL = "slipway."
FULL_SHARES = 1024
UNKNOWN_HOLDER = "another process"
"""Of a slot's port, in the cause of a failure."""
# Of a candidate that boots, against those of the release that serves meanwhile. An idle processor is all its own.
BOOT_SHARES = 64


def run_argv(
    config: Config,
    release: Release,
    slot: str,
    env_files: tuple[str, ...],
    mounts: tuple[str, ...] = (),
    shares: int = FULL_SHARES,
) -> tuple[str, ...]:
    """`docker run` of a release in a slot: locked down, limited, on loopback, supervised by systemd alone."""
    options = release.options
    labels = {"service": config.service, "slot": slot, "release": str(release.ref.id), "version": release.ref.version}
    return (
        "docker", "run", "--detach", "--name", config.container(slot), "--pull", "never",
        "--restart", "no", "--no-healthcheck", "--read-only", "--cap-drop", "ALL",
        "--security-opt", "no-new-privileges", "--user", options.user,
        "--memory", options.memory, "--memory-swap", options.memory, "--cpus", options.cpus,
        "--cpu-shares", str(shares),
        "--pids-limit", str(options.pids), "--stop-timeout", str(options.stop_timeout_s),
        *(("--gpus", options.gpus) if options.gpus else ()),
        *(part for mount in options.tmpfs for part in ("--tmpfs", mount)),
        *(part for name, address in options.hosts for part in ("--add-host", f"{name}:{address}")),
        *(part for mount in mounts for part in ("--mount", mount)),
        "--publish", f"127.0.0.1:{config.slots[slot]}:{options.container_port}",
        *(part for path in env_files for part in ("--env-file", path)),
        *(part for name, value in labels.items() for part in ("--label", f"{LABEL}{name}={value}")),
        release.ref.image,
    )  # fmt: skip


def mounts(options: Options, cache: str, ca: str) -> tuple[str, ...]:
    """What of the host the container sees. `cache`, `ca`: paths on the host."""
    found = []
    if options.cache:
        found.append(f"type=bind,source={cache},target={options.cache}")
    if options.ca:
        found.append(f"type=bind,source={ca},target={options.ca},readonly")
    return tuple(found)


def remove_argv(name: str) -> tuple[str, ...]:
    return ("docker", "rm", "--force", "--volumes", name)


def is_away(message: str) -> bool:
    """Docker's client did not reach the engine, or lost it in the middle."""
    return any(text in message for text in ("error during connect", "Cannot connect to the Docker daemon"))


def pull_argv(image: str, config_dir: str | None) -> tuple[str, ...]:
    at = ("--config", config_dir) if config_dir else ()
    return ("docker", *at, "pull", "--quiet", image)


def kept_name(image: str) -> str:
    """A local tag for an image that was pulled by digest: without one, `docker image prune` would take it for waste."""
    name, _, digest = image.partition("@sha256:")
    return f"slipway.local/{name.rpartition('/')[2]}:{digest[:16]}"


def keep_argv(image: str) -> tuple[str, ...]:
    return ("docker", "tag", image, kept_name(image))


def logs_argv(name: str, lines: int) -> tuple[str, ...]:
    return ("docker", "logs", "--tail", str(lines), name)


def remove_image_argv(image: str) -> tuple[str, ...]:
    return ("docker", "rmi", kept_name(image), image)


NO_REGISTRY = (
    "what answered is no registry",
    "A proxy or a login page answers in its place: look with `curl -i https://REGISTRY/v2/` on the host.",
)
# Texts of Docker 20.10–28, of its containerd image store and of registries, without quotes, most specific first:
# (any of these, cause, hint).
PULL_TROUBLES: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        ("no space left on device",),
        "no space left on the disk",
        "Free space on Docker's disk (`releasectl prune`, `docker system df`), then deploy again.",
    ),
    (
        ("authorization token has expired", "token has expired", "token is expired"),
        "the registry token has expired",
        "Deploy again with the playbook, which fetches a new token (ECR's are valid for 12 h). If "
        "that fails, check the clocks.",
    ),
    (
        ("no matching manifest", "no match for platform", "no child with platform", "no image found in manifest list",
         "no image found in image index", "match the specified platform", "match the expected platform",
         "match the detected host platform", "not provide the specified platform", "not provide any platform",
         "cannot be used on this platform", "operating system is not supported"),
        "the image was built for another platform",
        "Build and push it for the platform of this host (`docker version` names it; `docker buildx build --platform "
        "linux/amd64` or linux/arm64), as a new version.",
    ),
    (
        ("manifest.v1+", "schema 1", "schema1", "schema version 1", "image format v1"),
        "its manifest has an old format (schema 1)",
        "Build and push the image again with a current Docker, as a new version.",
    ),
    (("media type text/html", "remote text/html"), *NO_REGISTRY),
    (
        ("encountered remote application/", "unsupported media type application/", "unexpected media type",
         "unknown media type", "unsupported mediatype", "mediatype in manifest should be",
         "mismatched image rootfs", "application/vnd.cncf.", "application/vnd.oci.empty", "application/vnd.in-toto"),
        "this is not a container image",
        "A Helm chart, a signature or another artifact has this name: check the repository, and what was pushed there.",
    ),
    (
        ("toomanyrequests", "too many requests", "429"),
        "the registry limits the request rate",
        "Wait a minute, then deploy again.",
    ),
    (
        ("no basic auth credentials", "unauthorized", "authentication required", "401"),
        "registry authentication failed",
        "Deploy with the playbook, which fetches a token. By hand, put one into registry_auth of the request.",
    ),
    (
        ("access denied", "denied", "forbidden", "403"),
        "the registry denied access",
        "Give the AWS identity that deploys the right to pull from this repository (ecr:BatchGetImage, "
        "ecr:GetDownloadUrlForLayer), and look at the repository's policy.",
    ),
    (
        ("manifest unknown", "not found", "name unknown", "does not exist", "404"),
        "the registry does not have this image",
        "Check that this digest was pushed to this repository.",
    ),
    (
        ("digest mismatch", "manifest verification failed", "filesystem layer verification failed", "does not match"),
        "what the registry sent does not match its digest",
        "Do not use it: push the image again and deploy the new digest.",
    ),
    (("error unmarshalling content", "invalid character", "unsupported media type"), *NO_REGISTRY),
    (
        ("x509:", "certificate"),
        "the registry's certificate is not trusted",
        "Install the CA on the host or fix the registry's certificate.",
    ),
    (
        ("500", "502", "503", "504", "internal server error", "service unavailable", "bad gateway", "gateway timeout"),
        "the registry has an internal error",
        "Wait a minute, then deploy again (AWS: health.aws.amazon.com); a rollback needs no registry.",
    ),
    (
        ("no such host", "i/o timeout", "connection refused", "timeout", "network is unreachable", "no route to host",
         "eof", "connection reset"),
        "the registry cannot be reached",
        "Check the network to the registry, then deploy again; a rollback needs no registry.",
    ),
)  # fmt: skip


def pull_failure(image: str, output: str) -> Failure:
    """What a failed `docker pull` means."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    last = (lines[-1] if lines else "docker pull printed nothing")[:300]
    # The image's own name says nothing: a repository may be called not-found.
    low = output.replace(image, "").replace(image.partition("@")[0], "").replace('"', "").lower()
    for texts, cause, hint in PULL_TROUBLES:
        if any(_says(low, text) for text in texts):
            return Failure(Code.IMAGE, f"Failed to pull {image}: {cause} ({last})", hint)
    return Failure(
        Code.IMAGE, f"Failed to pull {image}: {last}", "Try `docker pull` of this image by hand on the host."
    )


def run_failure(output: str, port: int, holder: Callable[[], str]) -> Failure:
    """What a failed `docker run` means. `holder`: who has the slot's port; empty: nobody knows."""
    low, cause = output.lower(), ""
    if "address already in use" in low or "port is already allocated" in low:
        cause = (
            f"port 127.0.0.1:{port} is in use by {holder() or UNKNOWN_HOLDER}; `ss -ltnp 'sport = :{port}'` shows it"
        )
    elif "exec format error" in low:
        cause = "the image was built for another platform, or the program that it starts cannot be run"
    return Failure(Code.GATE, f"docker run: {cause} ({output})" if cause else f"docker run: {output}")


def pull_too_slow(image: str, timeout_s: float) -> Failure:
    return Failure(
        Code.IMAGE,
        f"Failed to pull {image}: it was not here within {timeout_s:.0f} s, the deadline of a pull",
        "See how fast the registry answers this host (`docker pull` by hand); the limit is release_deadlines_s.pull in "
        "the inventory (deadlines_s.pull in service.json).",
    )


def _says(output: str, text: str) -> bool:
    # A status is a word of its own: digests and ports are full of digits.
    return re.search(rf"\b{text}\b", output) is not None if text.isdigit() else text in output
