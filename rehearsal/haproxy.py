"""haproxy.cfg of a load balancer of AWS: listeners, rules, target groups and their health checks. No I/O here.

As with AWS, a group without a healthy target sends its requests to all of them ("fail open"), a target that refuses
the connection is a 502, and a group without targets a 503.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import shell

FOLDER = "/etc/balancer"  # in the container: haproxy.cfg, certs/, 502.http, servers
# The rehearsal asks HAProxy itself there; AWS has nothing of the kind.
STATS_PORT, CONTROL_PORT = 8404, 8405
CONFIG = "haproxy.cfg"
STATES = "servers"
# HAProxy says 503 where a target does not answer, AWS says 502.
BAD_GATEWAY = (
    "HTTP/1.0 502 Bad Gateway\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<h1>502 Bad Gateway</h1>\n"
)
STATES_HEAD = (
    "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight "
    "srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state "
    "bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr "
    "srv_agent_addr srv_agent_port\n"
)


@dataclass(frozen=True)
class Target:
    id: str
    address: str
    port: int

    @property
    def server(self) -> str:
        """Its name in HAProxy, and the Host of its health checks."""
        return f"{self.address}:{self.port}"


@dataclass(frozen=True)
class Check:
    protocol: str
    port: int | None  # None: the target's own
    path: str
    interval_s: int
    timeout_s: int
    healthy: int
    unhealthy: int
    codes: str


@dataclass(frozen=True)
class Group:
    arn: str
    name: str
    protocol: str
    check: Check | None
    drain_s: int
    targets: tuple[Target, ...]


@dataclass(frozen=True)
class Rule:
    """A listener's, with its conditions and its last action as the API has them."""

    conditions: tuple[Mapping[str, Any], ...]
    action: Mapping[str, Any]


@dataclass(frozen=True)
class Listener:
    port: int
    protocol: str
    certificates: tuple[str, ...]  # names of files, the default one first
    rules: tuple[Rule, ...]  # by priority, the default action last


@dataclass(frozen=True)
class Balancer:
    arn: str
    name: str
    vpc_id: str
    address: str
    idle_s: int
    listeners: tuple[Listener, ...]
    groups: Mapping[str, Group]  # by ARN


def quoted(text: str) -> str:
    """One argument of HAProxy, taken as it is."""
    return "'" + text.replace("'", "'\\''") + "'"


def literal(text: str) -> str:
    """Text inside a log format."""
    return text.replace("%", "%%")


def pattern(wildcards: str) -> str:
    """A regular expression for a value of AWS with * and ?."""
    return "^" + "".join({"*": ".*", "?": "."}.get(it, re.escape(it)) for it in wildcards) + "$"


def condition(it: Mapping[str, Any]) -> str:
    """A condition of a rule as an anonymous ACL. Raises Failed for a kind that is not played."""
    field = it["Field"]
    config = {
        "host-header": "HostHeaderConfig",
        "path-pattern": "PathPatternConfig",
        "http-header": "HttpHeaderConfig",
        "http-request-method": "HttpRequestMethodConfig",
        "source-ip": "SourceIpConfig",
    }.get(field)
    if config is None:
        raise shell.Failed(f"The rehearsal's load balancer does not play conditions of {field}.")
    values = it.get(config, {}).get("Values") or it.get("Values") or []
    if field == "source-ip":
        return f"{{ src {' '.join(values)} }}"
    if field == "http-request-method":
        return f"{{ method {' '.join(values)} }}"
    sample = {"host-header": "req.hdr(host),field(1,:)", "path-pattern": "path"}.get(field)
    sample = sample or f"req.hdr({it[config]['HttpHeaderName']})"
    # Paths are case-sensitive, hosts and headers are not.
    flags = "-m reg" if field == "path-pattern" else "-m reg -i"
    return f"{{ {sample} {flags} {' '.join(quoted(pattern(value)) for value in values)} }}"


def redirect(action: Mapping[str, Any], listener: Listener) -> str:
    """`http-request redirect` of a RedirectConfig, whose #{…} stand for the request's own parts."""
    config = action["RedirectConfig"]
    protocol = config.get("Protocol", "#{protocol}").replace("#{protocol}", listener.protocol).lower()
    port = str(config.get("Port", "#{port}")).replace("#{port}", str(listener.port))
    host = literal(config.get("Host", "#{host}")).replace("#{host}", "%[req.hdr(host),field(1,:)]")
    path = literal(config.get("Path", "/#{path}"))
    query = literal(config.get("Query", "#{query}"))
    if (path, query) == ("/#{path}", "#{query}"):
        rest = "%[pathq]"
    else:
        rest = path.replace("/#{path}", "%[path]") + (f"?{query.replace('#{query}', '%[query]')}" if query else "")
    code = config["StatusCode"].removeprefix("HTTP_")
    return f'http-request redirect location "{protocol}://{host}:{port}{rest}" code {code}'


def fixed(action: Mapping[str, Any]) -> str:
    config = action["FixedResponseConfig"]
    body = quoted(config.get("MessageBody") or " ")
    kind = config.get("ContentType", "text/plain")
    return f"http-request return status {config['StatusCode']} content-type {kind} string {body}"


def forward(action: Mapping[str, Any], groups: Mapping[str, Group], when: Sequence[str]) -> list[str]:
    """A draw by weight among the groups; one without targets answers 503."""
    config = action.get("ForwardConfig") or {"TargetGroups": [{"TargetGroupArn": action["TargetGroupArn"]}]}
    if str(config.get("TargetGroupStickinessConfig", {}).get("Enabled", False)).lower() == "true":
        raise shell.Failed("The rehearsal's load balancer does not play stickiness.")
    weights = [(groups[it["TargetGroupArn"]], int(it.get("Weight", 1))) for it in config["TargetGroups"]]
    total = sum(weight for _, weight in weights)
    if not total:
        return [with_conditions("http-request return status 503", when)]
    lines = [with_conditions(f"http-request set-var(txn.draw) rand({total})", when)]
    upto = 0
    for group, weight in weights:
        if not weight:
            continue
        upto += weight
        drawn = [*when, f"{{ var(txn.draw) -m int lt {upto} }}"]
        does = f"set-var(txn.group) str({group.name})" if group.targets else "return status 503"
        lines.append(with_conditions(f"http-request {does}", drawn))
    return lines


def with_conditions(line: str, when: Sequence[str]) -> str:
    return f"{line} if {' '.join(when)}" if when else line


def frontend(it: Listener, address: str, groups: Mapping[str, Group]) -> list[str]:
    secure = it.protocol == "HTTPS"
    if it.protocol not in ("HTTP", "HTTPS"):
        raise shell.Failed(f"The rehearsal's load balancer does not play listeners of {it.protocol}.")
    crt = " ".join(f"crt {FOLDER}/certs/{name}" for name in it.certificates)
    bind = f"bind {address}:{it.port}" + (f" ssl {crt} alpn h2,http/1.1 ssl-min-ver TLSv1.2" if secure else "")
    lines = [
        f"frontend listener-{it.port}",
        bind,
        "option forwardfor",
        f"http-request set-header X-Forwarded-Proto {it.protocol.lower()}",
        f"http-request set-header X-Forwarded-Port {it.port}",
    ]
    for rule in it.rules:
        # The first rule that matches decides.
        when = ["!{ var(txn.group) -m found }", *(condition(c) for c in rule.conditions)]
        kind = rule.action["Type"]
        if kind == "forward":
            lines += forward(rule.action, groups, when)
        elif kind == "redirect":
            lines.append(with_conditions(redirect(rule.action, it), when))
        elif kind == "fixed-response":
            lines.append(with_conditions(fixed(rule.action), when))
        else:
            raise shell.Failed(f"The rehearsal's load balancer does not play actions of {kind}.")
    return [
        *lines,
        "use_backend %[var(txn.group)]-open if { var(txn.group),nbsrv eq 0 }",
        "use_backend %[var(txn.group)] if { var(txn.group) -m found }",
    ]


def backends(it: Group) -> list[list[str]]:
    """The group with its checks, and the same targets without any for when all are unhealthy."""
    tls = " ssl verify none" if it.protocol == "HTTPS" else ""
    answers = ["balance roundrobin", f"errorfile 503 {FOLDER}/502.http"]
    lines, extra = [f"backend {it.name}", *answers], ""
    if check := it.check:
        lines += [
            "option httpchk",
            f"http-check send meth GET uri {check.path} ver HTTP/1.1 hdr Host %[srv_name]"
            " hdr User-Agent ELB-HealthChecker/2.0 hdr Connection close",
            f"http-check expect status {check.codes}",
            f"timeout check {check.timeout_s}s",
        ]
        port = f" port {check.port}" if check.port else ""
        how = "check-ssl verify none" if check.protocol == "HTTPS" else "no-check-ssl"
        extra = f" check {how}{port} inter {check.interval_s}s rise {check.healthy} fall {check.unhealthy}"
    lines += [f"server {t.server} {t.server}{tls}{extra}" for t in it.targets]
    return [lines, [f"backend {it.name}-open", *answers, *(f"server {t.server} {t.server}{tls}" for t in it.targets)]]


def config(it: Balancer) -> str:
    """All of haproxy.cfg. Raises Failed for what is not played."""
    longest = max((group.drain_s for group in it.groups.values()), default=0)
    sections = [
        [
            "global",
            "log stdout format raw local0",
            # Requests in flight to a target that leaves have this long to end.
            f"hard-stop-after {max(longest, 1)}s",
            f"server-state-file {FOLDER}/{STATES}",
            f"stats socket ipv4@{it.address}:{CONTROL_PORT} level user",
        ],
        [
            "defaults", "mode http", "log global", "option httplog", "option http-keep-alive",
            "load-server-state-from-file global", "timeout connect 5s", f"timeout client {it.idle_s}s",
            f"timeout server {it.idle_s}s", "timeout http-request 60s", "retries 0",
        ],
        ["frontend stats", f"bind {it.address}:{STATS_PORT}", "stats enable", "stats uri /"],
        *(frontend(listener, it.address, it.groups) for listener in it.listeners),
        *(section for group in it.groups.values() if group.targets for section in backends(group)),
    ]  # fmt: skip
    return "\n".join("\n    ".join(lines) + "\n" for lines in sections)


def states(balancer: Balancer, known: Iterable[str]) -> str:
    """The servers' states for a reload: those of before (`show servers state`), a new one as not yet healthy.

    HAProxy takes a new server for up until its first check; AWS sends it nothing before a check has passed.
    """
    before = {tuple(line.split()[i] for i in (1, 3)): line for line in known if len(line.split()) > 20}
    lines = []
    for group in balancer.groups.values():
        if not (check := group.check):
            continue
        tls = int(group.protocol == "HTTPS")
        for number, target in enumerate(group.targets, 1):
            # Down, with one check short of up: AWS asks a new target for one good answer.
            new = (
                f"0 {group.name} {number} {target.server} {target.address} 0 0 1 1 0 1 0 {check.healthy - 1} 6 0 0 0 - "
                f"{target.port} - {tls} {check.port or 0} - - 0"
            )
            lines.append(before.get((group.name, target.server), new))
    return STATES_HEAD + "".join(f"{line}\n" for line in lines)
