"""Pure: where the container of a release fetches its model from, as the AWS SDKs work it out."""

from __future__ import annotations

from collections.abc import Mapping

from ..startup.fast_dataclass import dataclass

PORTS = {"https": 443, "http": 80}
# Of the SDKs' reference guide, "Service-specific endpoints": the more specific one counts.
ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")


@dataclass(frozen=True)
class ModelStore:
    name: str
    port: int
    address: str = ""
    """Where the name leads in the container (option `hosts`); empty: DNS says."""


def model_store(env: Mapping[str, str], hosts: Mapping[str, str]) -> ModelStore | None:
    """`hosts`: the option of the release. None: the model is in the image, or the variables name no server."""
    bucket = env.get("MODEL_STORE", "").removeprefix("s3://").partition("/")[0]
    if not bucket:
        return None
    endpoint = next((env[it] for it in ENDPOINTS if env.get(it)), "")
    if not endpoint:
        region = env.get("AWS_DEFAULT_REGION") or env.get("AWS_REGION")
        # The name that resolves wherever the bucket is.
        return ModelStore(f"{bucket}.s3.{region}.amazonaws.com" if region else f"{bucket}.s3.amazonaws.com", 443)
    scheme, _, rest = endpoint.partition("://")
    name, _, port = rest.partition("/")[0].partition(":")
    if not name or scheme not in PORTS or (port and not port.isdigit()):
        return None
    return ModelStore(name, int(port or PORTS[scheme]), hosts.get(name, ""))
