"""Whether clients are served: asks as a client does, by the public name over verified TLS; if not, names the cause."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..model.model import Config, Golden, Release, State
from ..rollout.finding import CERTIFICATE, EDGE, RELEASE, Finding, releasectl
from ..rollout.gates import describe_reply, golden_problem, headers_of, parsed
from ..rollout.golden_match import brief
from ..rollout.ports import Host, ProbeRequest
from ..rollout.reconcile import RECOVERY
from ..rollout.redact import redactor
from ..rollout.surrounding_findings import converge
from ..startup.fast_dataclass import dataclass
from ..startup.http_client import Reply
from .maintenance import describe

# A busy host takes its time: to say falsely that nobody is served is worse than to let a person wait.
ASK_S = 2.0


@dataclass(frozen=True)
class Asked:
    """What a client got. `served` None: there is no public name to ask by."""

    served: bool | None
    problem: str = ""
    """Why not served; or what is not as expected although clients are."""
    status: int = 0
    ms: float = 0.0
    version: str | None = None
    request: str = ""
    answer: str = ""
    """What came instead of an answer in HTTP."""

    @property
    def edge_away(self) -> bool:
        return "refused" in self.answer

    @property
    def untrusted(self) -> bool:
        return "CERTIFICATE_VERIFY_FAILED" in self.answer


def ask_as_client(host: Host, release: Release | None, standby: str | None, judged: bool) -> Asked:
    """
    A path of the live release for its version, and its first golden request. Not `judged`: during a change an answer
    may come from the candidate, so only the status counts. `standby`: its version, which serves while the live slot is
    down.
    """
    if host.config.front_door is None:
        return Asked(None, "no public name is configured (front_door in service.json, release_front_door)")
    path = release.gates.version_path if release else None
    reply, ms = _ask(host, ProbeRequest(path or "/", ASK_S))
    wrong = _path_problem(reply, path)
    if wrong:
        return Asked(False, wrong, reply.status, ms, None, f"GET {path or '/'}", _no_answer(reply))
    answer = parsed(reply) if path else None
    version = answer.get("version") if isinstance(answer, dict) else None
    expected = release.ref.version if release and path else None
    if judged and expected and version != expected:
        if standby and version == standby:
            wrong = f"the standby {standby} answers instead of {expected}"
            return Asked(True, wrong, reply.status, ms, standby, f"GET {path}")
        wrong = f"GET {path} must report version {expected}; it returned {brief(version)}"
        return Asked(False, wrong, reply.status, ms, request=f"GET {path}")
    shown = str(version) if version is not None else None
    golden = release.gates.golden[0] if release and release.gates.golden else None
    if release is None or golden is None:
        return Asked(True, "", reply.status, ms, shown, f"GET {path or '/'}")
    return _ask_golden(host, release, golden, judged, shown)


def _ask_golden(host: Host, release: Release, golden: Golden, judged: bool, version: str | None) -> Asked:
    what = f"golden request {golden.name!r}"
    secrets: dict[str, str] = {}
    try:
        if any(it.secret for it in golden.headers):
            secrets = dict(host.records.settings(release.ref.id).secrets)
        headers = headers_of(golden.headers, secrets)
    except (OSError, KeyError):
        return Asked(True, f"{what} cannot be sent: its secret cannot be read", 200, 0, version, "the version")
    redact = redactor(secrets.values())
    request = ProbeRequest(golden.path, ASK_S, golden.method, golden.body, headers)
    reply, ms = _ask(host, request)
    if not reply.status and "within" in reply.body:
        # The release answers; whether this request ever takes so long, only its owner knows.
        return Asked(True, f"{what}: {redact(reply.body)}", 0, ms, version, what)
    problem = golden_problem(golden, reply, redact) if judged else _path_problem(reply, None)
    if problem:
        return Asked(False, problem, reply.status, ms, version, what, _no_answer(reply))
    return Asked(True, "", reply.status, ms, version, what)


def _ask(host: Host, request: ProbeRequest) -> tuple[Reply, float]:
    begin = host.process.monotonic()
    reply = host.http.ask_front_door(request)
    return reply, (host.process.monotonic() - begin) * 1000


def _path_problem(reply: Reply, path: str | None) -> str:
    good = reply.status == 200 if path else 0 < reply.status < 500
    return "" if good else describe_reply(reply, str)


def _no_answer(reply: Reply) -> str:
    return "" if reply.status else reply.body


def verdict(
    config: Config, asked: Asked, state: State, findings: Sequence[Finding]
) -> tuple[bool | None, str, Finding | None]:
    """Served; the cause if not, with its fix; the finding that it comes from."""
    if asked.served is not False:
        return asked.served, asked.problem, None
    if it := state.maintenance:
        cause = describe(it).removeprefix("in ")
        if it.by in ("", RECOVERY):
            ended = Finding(RELEASE, cause, releasectl(config.service, "maintenance off"))
            return False, ended.describe(config.host), None
        # Who reads it is rarely who began it.
        fix = releasectl(config.service, "maintenance off --force")
        where = config.host or "this host"
        return False, f"{cause}. Confirm with {it.by} that it can end, then on {where}: {fix}", None
    if state.live is None:
        return False, "nothing is live. Fix: deploy a version (playbooks/deploy.yml)", None
    about = (EDGE,) if asked.edge_away else (CERTIFICATE,) if asked.untrusted else None
    found = [it for it in findings if (it.about in about if about else it.about not in (CERTIFICATE, "host"))]
    if found:
        return False, found[0].describe(config.host), found[0]
    if asked.edge_away:
        return False, f"nothing answers on port 443. Fix: {converge(config.host, 'edge')}", None
    if asked.untrusted:
        return False, f"clients do not trust the certificate: {asked.problem}", None
    return False, f"{asked.request} through port 443: {asked.problem}", None


def client_doc(asked: Asked) -> dict[str, Any]:
    return {
        "request": asked.request,
        "status": asked.status,
        "ms": round(asked.ms, 1),
        "version": asked.version,
        "problem": asked.problem,
    }
