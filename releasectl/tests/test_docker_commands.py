"""Docker commands as values, and what its texts mean."""

from __future__ import annotations

import pytest
from releasectl.host import docker_commands as dockercmd
from releasectl.model.errors import Code
from releasectl.model.model import Gates, Options, Ref, Release
from releasectl.startup.fast_dataclass import replace

from .scenarios import image
from .simulated_host import config

RELEASE = Release(
    Ref(7, "v1.4.2", image("v1.4.2")),
    Options(tmpfs=("/tmp:size=64m", "/run")),
    Gates(),
    ("A",),
    ("S",),
    "alice",
    "",
    0.0,
)


def test_a_container_is_locked_down_limited_and_on_loopback() -> None:
    argv = dockercmd.run_argv(config(), RELEASE, "green", ("/r/app.env", "/r/secrets.env"))
    assert argv == (
        "docker", "run", "--detach", "--name", "inference-green", "--pull", "never",
        "--restart", "no", "--no-healthcheck", "--read-only", "--cap-drop", "ALL",
        "--security-opt", "no-new-privileges",
        "--user", "10001:10001", "--memory", "512m", "--memory-swap", "512m", "--cpus", "1.0",
        "--cpu-shares", "1024", "--pids-limit", "256", "--stop-timeout", "40",
        "--tmpfs", "/tmp:size=64m", "--tmpfs", "/run",
        "--publish", "127.0.0.1:18081:8080", "--env-file", "/r/app.env", "--env-file", "/r/secrets.env",
        "--label", "slipway.service=inference", "--label", "slipway.slot=green",
        "--label", "slipway.release=7", "--label", "slipway.version=v1.4.2",
        image("v1.4.2"),
    )  # fmt: skip


def test_of_the_host_it_sees_what_was_asked_for() -> None:
    assert dockercmd.mounts(Options(), "/h/cache/1", "/h/ca.crt") == ()
    mounts = dockercmd.mounts(Options(cache="/var/cache/models", ca="/etc/ca.pem"), "/h/cache/1", "/h/ca.crt")
    assert mounts == (
        "type=bind,source=/h/cache/1,target=/var/cache/models",
        "type=bind,source=/h/ca.crt,target=/etc/ca.pem,readonly",
    )
    named = replace(RELEASE, options=Options(hosts=(("s3.test", "10.0.0.1"),)))
    argv = dockercmd.run_argv(config(), named, "green", ("/r/app.env",), mounts)
    assert argv[argv.index("--add-host") :][:6] == (
        "--add-host", "s3.test:10.0.0.1", "--mount", mounts[0], "--mount", mounts[1],
    )  # fmt: skip


def test_gpus() -> None:
    asked = replace(RELEASE, options=Options(gpus="all", gpu_memory="10g"))
    argv = dockercmd.run_argv(config(), asked, "green", ("/r/app.env",))
    assert argv[argv.index("--gpus") + 1] == "all"
    assert not [part for part in argv if "10g" in part]


def test_the_other_commands() -> None:
    assert dockercmd.remove_argv("x") == ("docker", "rm", "--force", "--volumes", "x")
    assert dockercmd.pull_argv("i", None) == ("docker", "pull", "--quiet", "i")
    assert dockercmd.pull_argv("i", "/run/c") == ("docker", "--config", "/run/c", "pull", "--quiet", "i")
    assert dockercmd.logs_argv("x", 30) == ("docker", "logs", "--tail", "30", "x")


def test_an_image_keeps_a_local_name_until_it_is_removed() -> None:
    ours, kept = image("v1.0.0"), "slipway.local/inference:" + image("v1.0.0").partition("@sha256:")[2][:16]
    assert dockercmd.keep_argv(ours) == ("docker", "tag", ours, kept)
    assert dockercmd.remove_image_argv(ours) == ("docker", "rmi", kept, ours)


# A digest may hold any of the numbers that registries answer with.
HEX = "403429401502503404500" + "0" * 43
IMAGE = f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/inference@sha256:{HEX}"
TEXTS = [
    ("failed to register layer: write /usr/lib/x: no space left on device", "no space left"),
    ("denied: Your authorization token has expired. Reauthenticate and try again.", "token has expired"),
    ("toomanyrequests: Rate exceeded", "limits the request rate"),
    ("received unexpected HTTP status: 429 Too Many Requests", "limits the request rate"),
    ("pull access denied for x, repository does not exist or may require 'docker login'", "denied access"),
    ("no basic auth credentials", "authentication failed"),
    ("unauthorized: authentication required", "authentication failed"),
    ("unexpected status from HEAD request to https://r/v2/x: 403 Forbidden", "denied access"),
    ('error parsing HTTP 403 response body: unexpected end of JSON input: ""', "denied access"),
    ('error parsing HTTP 404 response body: unexpected end of JSON input: ""', "does not have this image"),
    ('error parsing HTTP 429 response body: unexpected end of JSON input: ""', "limits the request rate"),
    (f"manifest for {IMAGE} not found: manifest unknown: Requested image not found", "does not have this image"),
    (f"failed to resolve reference {IMAGE}: not found", "does not have this image"),
    ("name unknown: The repository with name 'x' does not exist in the registry", "does not have this image"),
    (f"manifest verification failed for digest sha256:{HEX}", "does not match its digest"),
    ("filesystem layer verification failed for digest sha256:0", "does not match its digest"),
    ("no matching manifest for linux/amd64 in the manifest list entries", "another platform"),
    ("no matching manifest for windows/amd64 10.0.19041 in the manifest list entries", "another platform"),
    ("no match for platform in manifest: not found", "another platform"),
    (f"no match for platform in manifest sha256:{HEX}: not found", "another platform"),
    (
        "image with reference x was found but does not match the specified platform: wanted linux/amd64, actual: "
        "linux/arm64",
        "another platform",
    ),
    (
        "image with reference x was found but its platform (linux/arm64) does not match the specified platform "
        "(linux/amd64)",
        "another platform",
    ),
    ("image with reference x was found but does not provide the specified platform (linux/amd64)", "another platform"),
    ('image operating system "windows" cannot be used on this platform: operating system is not supported', "platform"),
    ("unsupported media type application/vnd.cncf.helm.config.v1+json", "not a container image"),
    ('Encountered remote "application/vnd.cncf.helm.config.v1+json"(unknown) when fetching', "not a container image"),
    ('Encountered remote "application/vnd.docker.plugin.v1+json"(plugin) when fetching', "not a container image"),
    (
        "failed to unpack image on snapshotter overlayfs: unexpected media type "
        f"application/vnd.cncf.helm.config.v1+json for sha256:{HEX}: not found",
        "not a container image",
    ),
    (
        "failed to unpack image on snapshotter overlayfs: mismatched image rootfs and manifest layers",
        "not a container image",
    ),
    ("unexpected media type application/octet-stream for sha256:0: not found", "not a container image"),
    (
        "[DEPRECATION NOTICE] Docker Image Format v1 and Docker Image manifest version 2, schema 1 support is disabled "
        "by default and will be removed in an upcoming release.",
        "old format",
    ),
    (
        'media type "application/vnd.docker.distribution.manifest.v1+prettyjws" is no longer supported since '
        "containerd v2.1, please rebuild the image",
        "old format",
    ),
    ("unsupported media type text/html", "no registry"),
    ('Encountered remote "text/html"(unknown) when fetching', "no registry"),
    ("error parsing HTTP 403 response body: invalid character '<' looking for beginning of value", "denied access"),
    ("Get https://artifacts.corp/v2/mediatype/x: dial tcp: no such host", "cannot be reached"),
    ("error unmarshalling content: invalid character '<' looking for beginning of value", "no registry"),
    ("tls: failed to verify certificate: x509: certificate signed by unknown authority", "not trusted"),
    ("dial tcp: lookup r on 10.0.0.2:53: no such host", "cannot be reached"),
    ("read tcp 10.0.0.5:40312->10.0.0.9:443: i/o timeout", "cannot be reached"),
    ("read tcp 10.0.0.5:42962->10.0.0.9:443: read: connection reset by peer", "cannot be reached"),
    ("net/http: TLS handshake timeout", "cannot be reached"),
    ("Get https://r/v2/: EOF", "cannot be reached"),
    ("received unexpected HTTP status: 503 Service Unavailable", "has an internal error"),
    ("received unexpected HTTP status: 500 Internal Server Error", "has an internal error"),
]


@pytest.mark.parametrize(("text", "means"), TEXTS)
def test_a_failed_pull_says_what_it_means(text: str, means: str) -> None:
    failure = dockercmd.pull_failure(IMAGE, f"some progress\nError response from daemon: {text}\n")
    assert failure.code == Code.IMAGE
    assert means in failure.cause.split("(Error")[0], failure.cause
    assert text[:100] in failure.cause and failure.hint


@pytest.mark.parametrize("output", ["", "\n \n", "something new"])
def test_a_failed_pull_that_nobody_knows_is_told_as_it_is(output: str) -> None:
    failure = dockercmd.pull_failure(IMAGE, output)
    assert failure.code == Code.IMAGE and "by hand" in (failure.hint or "")
    assert (output.strip() or "printed nothing") in failure.cause


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "docker: Error response from daemon: driver failed programming external connectivity on endpoint "
            "inference-green (1f): Error starting userland proxy: listen tcp4 127.0.0.1:18081: bind: address already "
            "in use.",
            "docker run: port 127.0.0.1:18081 is in use by python3 (process 7); `ss -ltnp 'sport = :18081'` shows it (",
        ),
        (
            "failed to set up container networking: driver failed programming external connectivity on endpoint x: "
            "failed to bind host port for 127.0.0.1:18081:172.17.0.2:8080/tcp: address already in use",
            "docker run: port 127.0.0.1:18081 is in use by python3 (process 7)",
        ),
        (
            "Bind for 127.0.0.1:18081 failed: port is already allocated.",
            "docker run: port 127.0.0.1:18081 is in use by",
        ),
        ('exec: "/app": exec format error: unknown.', "docker run: the image was built for another platform"),
        ("something new", "docker run: something new"),
    ],
)
def test_a_container_that_does_not_start_says_what_it_means(text: str, says: str) -> None:
    failure = dockercmd.run_failure(text, 18081, lambda: "python3 (process 7)")
    assert failure.code == Code.GATE
    assert failure.cause.startswith(says) and text in failure.cause


def test_a_port_whose_holder_nobody_knows_is_named_all_the_same() -> None:
    failure = dockercmd.run_failure("bind: address already in use", 18080, lambda: "")
    assert "port 127.0.0.1:18080 is in use by another process" in failure.cause
