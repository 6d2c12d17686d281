"""A proxy and a private CA together: everything that the controller asks goes through the one and trusts the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.slipway.ops.plugins.action import service_check
from ansible_collections.slipway.ops.plugins.module_utils import registry, web
from ansible_collections.slipway.ops.plugins.module_utils.session import RegistryError, Session
from ansible_collections.slipway.ops.plugins.plugin_utils.model_store import ModelError, manifest
from releasectl.model.model import Golden

from tests.harness import cloud
from tests.harness.serving import serving

AUTH = registry.Credentials("AWS", "s3cret")
IMAGE = f"{cloud.REGISTRY}/team/inference@{cloud.DIGEST}"
VARIABLES = (
    "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy",
    "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "AWS_PROFILE", "AWS_DEFAULT_PROFILE",
)  # fmt: skip


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    private, other = (cloud.Authority(tmp_path_factory.mktemp("ca"), name) for name in ("private", "other"))
    with serving(cloud.Cloud(private)) as server, serving(cloud.Proxy(server.server_port)) as proxy:
        yield SimpleNamespace(server=server, proxy=proxy, bundle=str(private.bundle), other=str(other.bundle))


@pytest.fixture
def net(servers: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    # Of this user nothing counts but what is in here.
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".netrc").write_text("default login somebody password netrc-password\n")
    web._connections.cache_clear()
    servers.server.seen.clear()
    servers.proxy.asked.clear()
    return servers


def session(ca: str | None, host: str = cloud.API) -> Session:
    return Session("eu-central-1", f"https://{host}", ca, "lab", "lab-secret")


def smoke_test(ca: str | None, url: str = f"https://{cloud.SERVICE}") -> None:
    args: dict[str, Any] = {"url": url, "secrets": {}, "ca_path": ca, "timeout_s": 5.0}
    service_check.run_checks(
        args, [("the version", Golden("version", "/version", "GET", expect={"version": "v1.1.0"}))]
    )


def model(ca: str | None, kept: Path = Path("/nonexistent")) -> None:
    manifest(session(ca, cloud.S3), f"s3://{cloud.BUCKET}", "m", "m1", kept)


AWS: dict[str, Callable[[str | None], Any]] = {
    "ECR token": lambda ca: registry.credentials(session(ca)),
    "digest": lambda ca: registry.digest(session(ca), AUTH, cloud.REGISTRY, "inference", "v1.0.0"),
    "tag": lambda ca: registry.tag(session(ca), AUTH, IMAGE, "deployed-prod-v1.0.0"),
    "model": model,
}
ALL = {**AWS, "service_check": smoke_test}


@pytest.fixture(autouse=True)
def keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Manifests are read, and not kept."""
    monkeypatch.setattr("ansible_collections.slipway.ops.plugins.plugin_utils.model_store._keep", lambda *_: None)


@pytest.mark.parametrize(
    ("what", "proxy", "bundle"),
    [
        *((what, proxy, "explicit") for what in ALL for proxy in ("HTTPS_PROXY", "https_proxy")),
        *((what, "https_proxy", bundle) for what in ALL for bundle in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")),
        # The service is not AWS.
        *((what, "HTTPS_PROXY", "AWS_CA_BUNDLE") for what in AWS),
    ],
)
def test_it_goes_through_the_proxy_and_trusts_the_bundle(
    net: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, what: str, proxy: str, bundle: str
) -> None:
    monkeypatch.setenv(proxy, net.proxy.url)
    if bundle != "explicit":
        monkeypatch.setenv(bundle, net.bundle)
    ALL[what](net.bundle if bundle == "explicit" else None)
    assert net.proxy.asked and net.server.seen


@pytest.mark.parametrize("what", ALL)
def test_an_explicit_bundle_wins_over_the_environment(
    net: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", net.proxy.url)
    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, net.other)
    ALL[what](net.bundle)
    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, net.bundle)
    with pytest.raises((RegistryError, ModelError, AnsibleActionFail), match="CERTIFICATE_VERIFY_FAILED"):
        ALL[what](net.other)


@pytest.mark.parametrize("what", AWS)
def test_of_the_environment_the_bundle_for_aws_comes_first(
    net: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", net.proxy.url)
    monkeypatch.setenv("AWS_CA_BUNDLE", net.bundle)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", net.other)
    AWS[what](None)


@pytest.mark.parametrize("what", ["ECR token", "digest", "service_check"])
@pytest.mark.parametrize("exception", ["NO_PROXY", "no_proxy"])
def test_what_no_proxy_names_is_asked_directly(
    net: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, what: str, exception: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv(exception, "localhost")
    here = f"localhost:{net.server.server_port}"
    ask: dict[str, Callable[[], Any]] = {
        "ECR token": lambda: registry.credentials(session(net.bundle, here)),
        "digest": lambda: registry.digest(session(net.bundle), AUTH, here, "inference", "v1.0.0"),
        "service_check": lambda: smoke_test(net.bundle, f"https://{here}"),
    }
    ask[what]()
    assert not net.proxy.asked and net.server.seen


@pytest.mark.parametrize("what", ALL)
def test_a_proxy_that_does_not_answer_is_named(
    net: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:proxy-password@127.0.0.1:1")
    with pytest.raises((RegistryError, ModelError, AnsibleActionFail), match="HTTPS_PROXY") as raised:
        ALL[what](net.bundle)
    assert "proxy-password" not in str(raised.value)


@pytest.mark.parametrize("what", ALL)
def test_a_bundle_that_does_not_exist_is_told(net: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", net.proxy.url)
    with pytest.raises((RegistryError, ModelError, AnsibleActionFail), match="Failed to"):
        ALL[what]("/nonexistent/ca.pem")


def test_passwords_of_netrc_are_sent_to_nobody(net: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", net.proxy.url)
    for ask in ALL.values():
        ask(net.bundle)
    sent = {host: authorization for host, _, _, authorization in net.server.seen}
    assert sent[cloud.SERVICE] == ""
    assert sent[cloud.REGISTRY] == f"Basic {cloud.TOKEN}"
