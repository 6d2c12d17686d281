# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to reach the AWS API, and what its failures mean."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.basic import missing_required_lib

try:
    import botocore.config
    import botocore.session
except ImportError:
    HAS_BOTOCORE = False
else:
    HAS_BOTOCORE = True

TIMEOUT_S = (5, 15)  # connect, read
PROFILE_VARIABLES = ("AWS_DEFAULT_PROFILE", "AWS_PROFILE")
"""In the order in which botocore reads them."""
CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

# Errors of botocore by class, and AWS's by code: what it means, the next command. {profile}: " --profile NAME" or none.
_LOGIN = "run `aws sso login{profile}`"
_SSO = ("the SSO session has expired or does not exist", _LOGIN)
_EXPIRED = ("the AWS credentials have expired", "get new ones (`aws sso login{profile}`, or those of your CI job)")
_UNKNOWN = (
    "AWS does not accept these credentials",
    "check `aws sts get-caller-identity{profile}` and this machine's clock",
)
_DENIED = (
    "the AWS identity lacks the permission",
    "check `aws sts get-caller-identity{profile}` and the policy of that identity",
)
_UNREACHABLE = ("the AWS API cannot be reached", "check the network, HTTPS_PROXY and NO_PROXY")
CAUSES: dict[str, tuple[str, str]] = {
    "ProfileNotFound": ("the AWS profile does not exist", "list the profiles with `aws configure list-profiles`"),
    "NoCredentialsError": ("no AWS credentials were found", "run `aws configure{profile}` or `aws sso login{profile}`"),
    "PartialCredentialsError": ("the AWS credentials are incomplete", "run `aws configure{profile}`"),
    "ConfigParseError": ("the AWS configuration file cannot be parsed", "correct that file"),
    "CredentialRetrievalError": ("the credentials cannot be retrieved", "check `aws sts get-caller-identity{profile}`"),
    "JSONDecodeError": ("the program in credential_process prints no credentials", "check ~/.aws/config"),
    "TokenRetrievalError": _SSO,
    "UnauthorizedSSOTokenError": _SSO,
    "SSOTokenLoadError": _SSO,
    "SSOError": _SSO,
    "LoginRefreshRequired": ("the login session has expired", "run `aws login{profile}`"),
    "NoRegionError": ("no AWS region is set", "set aws_region in the inventory"),
    "EndpointConnectionError": _UNREACHABLE,
    "ConnectTimeoutError": _UNREACHABLE,
    "ReadTimeoutError": _UNREACHABLE,
    "ConnectionClosedError": _UNREACHABLE,
    "ProxyConnectionError": ("the proxy cannot be reached", "check HTTPS_PROXY and NO_PROXY in the environment"),
    "SSLError": (
        "the certificate of the AWS API is not trusted",
        "set aws_session.ca_bundle in the inventory, or AWS_CA_BUNDLE",
    ),
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "RequestExpired": _EXPIRED,
    "InvalidClientTokenId": _UNKNOWN,
    "UnrecognizedClientException": _UNKNOWN,
    "InvalidSignatureException": _UNKNOWN,
    "SignatureDoesNotMatch": _UNKNOWN,
    "InvalidAccessKeyId": _UNKNOWN,
    "AuthFailure": _UNKNOWN,
    "AccessDenied": _DENIED,
    "AccessDeniedException": _DENIED,
}


class RegistryError(Exception):
    """The registry or the AWS API did not answer the request; the text says which, where and why."""


@dataclass(frozen=True)
class Session:
    """How to reach the AWS API. Unset fields mean boto3's own defaults (profile, instance role …)."""

    region: str | None = None
    endpoint_url: str | None = None
    ca_bundle: str | None = None
    access_key: str | None = None
    secret_key: str | None = None
    profile: str | None = None

    @classmethod
    def of(cls, options: dict[str, Any] | None) -> Session:
        """Build from a module's `aws` option; raises RegistryError on an unknown key and on half a pair of keys."""
        try:
            session = cls(**{name: value or None for name, value in (options or {}).items()})
        except TypeError as error:
            known = ", ".join(cls.__dataclass_fields__)
            raise RegistryError(f"The option aws has a key that is not known ({error}); it takes: {known}") from None
        if bool(session.access_key) != bool(session.secret_key):
            raise RegistryError("aws_session in the inventory needs access_key and secret_key, or neither of them.")
        return session

    def client(self, service: str) -> Any:
        """A client of botocore with timeouts, to be made and used where failures are `explained`."""
        session = self._botocore()
        # FIPS and dual-stack endpoints are AWS's own: with a given endpoint these settings of a shell are errors.
        own: dict[str, Any] = {"use_fips_endpoint": False, "use_dualstack_endpoint": False} if self.endpoint_url else {}
        if service == "s3":
            own |= self._s3()
        return session.create_client(
            service,
            region_name=self.region,
            endpoint_url=self.endpoint_url,
            verify=self._verify(session),
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=botocore.config.Config(
                connect_timeout=TIMEOUT_S[0], read_timeout=TIMEOUT_S[1], retries={"total_max_attempts": 2}, **own
            ),
        )

    def _s3(self) -> dict[str, Any]:
        """
        For links to objects: the signature that encrypted objects want, and the name of the bucket in its region; the
        one without a region redirects for a new bucket, which breaks the signature.
        """
        elsewhere = self.endpoint_url or environment("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
        return {"signature_version": "s3v4", "s3": {"addressing_style": "auto" if elsewhere else "virtual"}}

    @property
    def verify(self) -> str | bool:
        """The CA bundle that the registry and the AWS API are verified against; True: the system's own."""
        if self.ca_bundle:
            return self.ca_bundle
        with self.explained("read the AWS configuration"):
            return self._verify(self._botocore())

    def _verify(self, session: Any) -> str | bool:
        """An explicit bundle wins over AWS_CA_BUNDLE or ca_bundle of the profile, and those over other variables."""
        found = self.ca_bundle or session.get_config_variable("ca_bundle") or environment(*CA_VARIABLES)
        return str(found) if found else True

    def _botocore(self) -> Any:
        if not HAS_BOTOCORE:
            raise RegistryError(missing_required_lib("boto3"))
        if self.access_key:
            # Explicit keys win: neither a profile of the shell nor a broken file may stand in their way.
            unread = (None, None, os.devnull, None)
            nothing = {"profile": (None, None, None, None), "config_file": unread, "credentials_file": unread}
            return botocore.session.Session(session_vars=nothing)
        # An empty variable is an unset one.
        default = {"profile": (None, None, environment(*PROFILE_VARIABLES), None)}
        return botocore.session.Session(session_vars=default, profile=self.profile)

    @contextmanager
    def explained(self, what: str) -> Iterator[None]:
        """Whatever fails in the block on the way to AWS becomes a RegistryError: cause, where it is set, what to do."""
        try:
            yield
        except RegistryError:
            raise
        # What programs of credential_process, files and variables may raise has no common class.
        except Exception as error:
            raise RegistryError(f"Failed to {what}: {self._cause(error)}") from error

    def _cause(self, error: Exception) -> str:
        response = getattr(error, "response", None) or {}
        code = str(response.get("Error", {}).get("Code") or type(error).__name__)
        profile, where = self._profile()
        option = f" --profile {profile}" if profile else ""
        cause, todo = CAUSES.get(code, ("", ""))
        if isinstance(error, (FileNotFoundError, PermissionError)) and error.filename:
            cause, todo = "a file or a program (credential_process) cannot be used", "check ~/.aws/config"
        said = " ".join(str(error).split()).rstrip(".")[:500]
        text = f"{cause} ({said}{where})" if cause else f"{said or code}{where and f' ({where[2:]})'}"
        endpoint = "" if self.endpoint_url else environment("AWS_ENDPOINT_URL_ECR", "AWS_ENDPOINT_URL")
        if endpoint:
            todo = f"AWS_ENDPOINT_URL in the environment leads to {endpoint}: `unset` it to reach AWS itself"
        todo = todo or "check `aws sts get-caller-identity{profile}`"
        return f"{text}: {todo.replace('{profile}', option)}."

    def _profile(self) -> tuple[str, str]:
        """The profile in use and, for a message, where it is set; empty: none, or explicit keys."""
        if self.access_key:
            return "", ""
        if self.profile:
            return self.profile, f"; profile {self.profile} is set by aws_session.profile in the inventory"
        for name in PROFILE_VARIABLES:
            if os.environ.get(name):
                return os.environ[name], f"; profile {os.environ[name]} is set by {name} in the environment"
        return "", ""


def environment(*names: str) -> str | None:
    """The first of these variables that is set and not empty."""
    return next((value for name in names if (value := os.environ.get(name))), None)
