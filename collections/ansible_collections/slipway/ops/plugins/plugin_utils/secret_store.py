# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets that an inventory names by reference: `{secretsmanager: NAME-or-ARN, key: KEY}` or `{ssm: NAME-or-ARN}`.

The values are read from AWS on the controller, in as few calls as AWS allows. No message has a value.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.slipway.ops.plugins.module_utils.session import RegistryError, Session

SECRETS_MANAGER, PARAMETER_STORE = "secretsmanager", "ssm"
FORMS = "{secretsmanager: NAME}, {secretsmanager: NAME, key: KEY OF ITS JSON} or {ssm: NAME}"
# What one call may ask for (BatchGetSecretValue, GetParameters).
SECRETS_PER_CALL, PARAMETERS_PER_CALL = 20, 10


class SecretError(Exception):
    """A reference is wrong, or its value cannot be had; the message says where it is set and what to do."""


@dataclass(frozen=True)
class Reference:
    """Where the value of a secret is. `key`: of the JSON object that it is; empty: the whole value."""

    store: str
    id: str
    key: str = ""

    @property
    def source(self) -> str:
        """For the record of a release: `secretsmanager:slipway-prod/database#password`."""
        return f"{self.store}:{self.id}" + (f"#{self.key}" if self.key else "")


@dataclass(frozen=True)
class Found:
    """What a store holds: the value, and the version that it is."""

    text: str
    version: str


def references(secrets: Mapping[str, Any], where: str) -> dict[str, Reference]:
    """Those of the secrets that are references, by the name of their variable. Raises SecretError for a wrong form."""
    return {name: _reference(value, f"{where}.{name}") for name, value in secrets.items() if isinstance(value, Mapping)}


def _reference(value: Mapping[str, Any], where: str) -> Reference:
    stores = [key for key in (SECRETS_MANAGER, PARAMETER_STORE) if key in value]
    known = {*stores, *(["key"] if SECRETS_MANAGER in stores else [])}
    # Not what was found: a secret may have been put in the wrong place.
    if len(stores) != 1 or set(value) - known or not all(isinstance(it, str) and it.strip() for it in value.values()):
        raise SecretError(f"{where}: a reference is {FORMS}, each a text that is not empty")
    return Reference(stores[0], value[stores[0]], value.get("key", ""))


def resolved(session: Session, secrets: Mapping[str, Any], where: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """
    The secrets with the values of references in their place, and `{source, version}` of each value that was read.
    Asks AWS only where there is a reference. Raises SecretError, RegistryError.
    """
    wanted = references(secrets, where)
    found = {**_secrets(session, wanted, where), **_parameters(session, wanted, where)}
    values, versions = dict(secrets), {}
    for name, reference in wanted.items():
        held = found[reference.store, reference.id]
        values[name] = _of_key(held.text, reference, f"{where}.{name}") if reference.key else held.text
        versions[name] = {"source": reference.source, "version": held.version}
    return values, versions


def _secrets(session: Session, wanted: Mapping[str, Reference], where: str) -> dict[tuple[str, str], Found]:
    found = {}
    for ids in _batches(wanted, SECRETS_MANAGER, SECRETS_PER_CALL):
        with session.explained(f"read {_named(wanted, ids, where)} from Secrets Manager"):
            client = session.client(SECRETS_MANAGER)
            answer = client.batch_get_secret_value(SecretIdList=ids)
            held, errors = answer["SecretValues"], answer.get("Errors", [])
            while "NextToken" in answer:
                answer = client.batch_get_secret_value(SecretIdList=ids, NextToken=answer["NextToken"])
                held, errors = held + answer["SecretValues"], errors + answer.get("Errors", [])
        for id_ in ids:
            # An ARN may come without the six characters that AWS adds to it.
            its = [it for it in held if id_ in (it["Name"], it["ARN"]) or it["ARN"].startswith(f"{id_}-")]
            if not its:
                raise _missing_secret(session, id_, errors, _named(wanted, [id_], where))
            if "SecretString" not in its[0]:
                raise SecretError(f"Failed to read {_named(wanted, [id_], where)}: {id_} is binary; store it as text.")
            found[SECRETS_MANAGER, id_] = Found(its[0]["SecretString"], its[0]["VersionId"])
    return found


def _missing_secret(session: Session, id_: str, errors: list[Any], named: str) -> Exception:
    error: dict[str, Any] = next((it for it in errors if it.get("SecretId") == id_), {})
    code, said = error.get("ErrorCode", ""), error.get("Message", "")
    if code in ("", "ResourceNotFoundException"):
        return SecretError(
            f"Failed to read {named}: Secrets Manager{_in(session)} has no value of {id_}. Correct the name, or set "
            f"the value: aws secretsmanager put-secret-value --secret-id {id_} --secret-string file:///dev/stdin"
        )
    try:
        with session.explained(f"read {named}, {id_} in Secrets Manager"):
            raise refusal(code, said)
    except RegistryError as explained:
        return explained


def refusal(code: str, said: str) -> Exception:
    """What AWS says of one secret of several, as the exception that it is when it is asked for one alone."""
    # Local import: botocore may be missing, which Session says.
    from botocore.exceptions import ClientError

    error: Exception = ClientError({"Error": {"Code": code, "Message": said}}, "BatchGetSecretValue")
    return error


def _parameters(session: Session, wanted: Mapping[str, Reference], where: str) -> dict[tuple[str, str], Found]:
    found = {}
    for ids in _batches(wanted, PARAMETER_STORE, PARAMETERS_PER_CALL):
        with session.explained(f"read {_named(wanted, ids, where)} from Parameter Store"):
            answer = session.client(PARAMETER_STORE).get_parameters(Names=ids, WithDecryption=True)
        for id_ in ids:
            its = [it for it in answer["Parameters"] if id_ in (it["Name"] + it.get("Selector", ""), it.get("ARN"))]
            if not its:
                raise SecretError(
                    f"Failed to read {_named(wanted, [id_], where)}: Parameter Store{_in(session)} has no {id_}. "
                    f"Correct the name, or make it: aws ssm put-parameter --type SecureString --name {id_} --value "
                    "file:///dev/stdin"
                )
            found[PARAMETER_STORE, id_] = Found(its[0]["Value"], str(its[0]["Version"]))
    return found


def _batches(wanted: Mapping[str, Reference], store: str, size: int) -> Iterator[list[str]]:
    ids = sorted({it.id for it in wanted.values() if it.store == store})
    yield from (ids[at : at + size] for at in range(0, len(ids), size))


def _named(wanted: Mapping[str, Reference], ids: list[str], where: str) -> str:
    """`services.inference.secrets.API_TOKEN`: where the references to these are."""
    return ", ".join(f"{where}.{name}" for name, it in wanted.items() if it.id in ids)


def _in(session: Session) -> str:
    return f" in {session.region}" if session.region else ""


def _of_key(text: str, reference: Reference, where: str) -> str:
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise SecretError(
            f"Failed to read {where}: {reference.id} is not a JSON object, so it has no key; remove `key`."
        )
    value = document.get(reference.key)
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        known = ", ".join(sorted(document)) or "none"
        raise SecretError(
            f"Failed to read {where}: {reference.id} has no text or number under the key {reference.key}; its keys: "
            f"{known}. Correct `key`, or set the value in Secrets Manager."
        )
    return str(value)
