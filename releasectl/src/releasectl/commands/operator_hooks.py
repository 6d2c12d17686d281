"""Operator hooks: executables that the engine runs at points of a rollout. Only `pre-deploy` can stop it."""

from __future__ import annotations

from typing import Any

from ..documents.codec import ref_doc
from ..model.errors import Code, Failure
from ..model.journal import Entry, Intent
from ..rollout.ports import Host
from ..rollout.transaction import as_failure


class Hooks:
    def __init__(self, host: Host) -> None:
        self.host = host

    def exists(self, name: str) -> bool:
        return name in self.host.hooks.present()

    def before(self, intent: Intent) -> None:
        """Raises Failure (code 8) when the hook refuses; nothing has started then."""
        if not self.exists("pre-deploy"):
            return
        try:
            self.host.hooks.run("pre-deploy", document("pre-deploy", self.host.config.service, intent, None))
        except Failure as failure:
            hint = failure.hint or "Check the hook in /etc/slipway/<service>/hooks. Nothing was changed."
            raise Failure(Code.PREFLIGHT, f"hook pre-deploy: {failure.cause}", hint) from failure

    def after(self, intent: Intent, failure: Failure | None = None) -> list[str]:
        """Runs the hook for the outcome. Best effort: returns warnings."""
        name = "on-failure" if failure else "post-switch" if intent.kind == "deploy" else "post-rollback"
        return self._run(document(name, self.host.config.service, intent, failure))

    def repaired(self, entry: Entry) -> list[str]:
        """Recovery has repaired something by itself. Best effort: returns warnings."""
        return self._run(repair_document("post-recovery", self.host.config.service, entry))

    def _run(self, doc: dict[str, Any]) -> list[str]:
        name = doc["hook"]
        try:
            if self.exists(name):
                self.host.hooks.run(name, doc)
        except Exception as error:
            return [f"hook {name}: {as_failure(error).cause}"]
        return []


def repair_document(name: str, service: str, entry: Entry) -> dict[str, Any]:
    return {
        "hook": name,
        "service": service,
        "kind": entry.kind,
        "txn": entry.txn,
        "release": ref_doc(entry.release),
        "previous": None,
        "slot": entry.slot,
        "by": entry.by,
        "reason": entry.cause,
        "code": Code.OK,
        "cause": None,
    }


def document(name: str, service: str, intent: Intent, failure: Failure | None) -> dict[str, Any]:
    """What a hook reads on its standard input."""
    live = intent.before.live
    return {
        "hook": name,
        "service": service,
        "kind": intent.kind,
        "txn": intent.txn,
        "release": ref_doc(intent.target),
        "previous": ref_doc(live.ref) if live else None,
        "slot": intent.slot,
        "by": intent.by,
        "reason": intent.reason,
        "code": failure.code if failure else Code.OK,
        "cause": failure.cause if failure else None,
    }
