"""The text of a load balancer's haproxy.cfg. What HAProxy makes of it: tests/balancer/."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from rehearsal import haproxy, shell
from rehearsal.haproxy import Balancer, Rule
from tests.harness.balancers import BLUE, CHECK, GONE, balancer, forward


def lines(it: Balancer) -> list[str]:
    return [line.strip() for line in haproxy.config(it).splitlines()]


def test_a_listener_answers_with_its_certificates_the_default_one_first() -> None:
    crt = "crt /etc/balancer/certs/first.pem crt /etc/balancer/certs/second.pem"
    assert f"bind 10.20.0.9:443 ssl {crt} alpn h2,http/1.1 ssl-min-ver TLSv1.2" in lines(balancer())
    assert "bind 10.20.0.9:80" in lines(balancer(port=80, secure=False))


def test_a_health_check_is_the_target_group_s() -> None:
    found = lines(balancer(Rule((), forward(blue=1))))
    check = "check check-ssl verify none inter 10s rise 2 fall 3"
    assert f"server 10.20.1.4:443 10.20.1.4:443 ssl verify none {check}" in found
    assert any(it.startswith("http-check send meth GET uri /ready ver HTTP/1.1 hdr Host %[srv_name]") for it in found)
    assert {"http-check expect status 200", "timeout check 5s"} < set(found)
    plain = replace(BLUE, protocol="HTTP", check=replace(CHECK, protocol="HTTP", port=8081, codes="200-299,301"))
    found = lines(balancer(Rule((), forward(blue=1)), groups=(plain,)))
    check = "check no-check-ssl port 8081 inter 10s rise 2 fall 3"
    assert f"server 10.20.1.4:443 10.20.1.4:443 {check}" in found and "http-check expect status 200-299,301" in found
    unchecked = lines(balancer(Rule((), forward(blue=1)), groups=(replace(BLUE, check=None),)))
    assert not [it for it in unchecked if "check" in it]


def test_requests_in_flight_have_the_longest_deregistration_delay() -> None:
    assert "hard-stop-after 60s" in lines(balancer())


def test_a_group_without_targets_is_a_503_and_weight_0_gets_nothing() -> None:
    found = lines(balancer(Rule((), forward(blue=90, green=10))))
    first = "http-request set-var(txn.draw) rand(100) if !{ var(txn.group) -m found }"
    start = found.index(first)
    when = "if !{ var(txn.group) -m found }"
    assert found[start + 1 : start + 3] == [
        f"http-request set-var(txn.group) str(blue) {when} {{ var(txn.draw) -m int lt 90 }}",
        f"http-request return status 503 {when} {{ var(txn.draw) -m int lt 100 }}",
    ]
    assert "return status 503" not in haproxy.config(balancer(Rule((), forward(blue=100, green=0))))
    assert f"http-request return status 503 {when}" in lines(balancer(Rule((), forward(blue=0, green=0))))
    assert "backend green" not in haproxy.config(balancer(Rule((), forward(blue=90, green=10))))


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (
            {"Field": "host-header", "HostHeaderConfig": {"Values": ["*.example.com"]}},
            r"{ req.hdr(host),field(1,:) -m reg -i '^.*\.example\.com$' }",
        ),
        ({"Field": "path-pattern", "Values": ["/v?/*"]}, "{ path -m reg '^/v./.*$' }"),
        (
            {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Tier", "Values": ["gold", "b'"]}},
            r"{ req.hdr(X-Tier) -m reg -i '^gold$' '^b'\''$' }",
        ),
        (
            {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["GET", "HEAD"]}},
            "{ method GET HEAD }",
        ),
        ({"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}}, "{ src 10.0.0.0/8 }"),
    ],
)
def test_a_condition_becomes_an_acl(given: Mapping[str, Any], text: str) -> None:
    assert haproxy.condition(given) == text


@pytest.mark.parametrize(
    ("rule", "word"),
    [
        (Rule(({"Field": "query-string"},), GONE), "query-string"),
        (Rule((), {"Type": "authenticate-oidc"}), "authenticate-oidc"),
        (
            Rule((), {"Type": "forward", "ForwardConfig": {
                "TargetGroups": [{"TargetGroupArn": "blue-arn"}], "TargetGroupStickinessConfig": {"Enabled": "true"},
            }}),
            "stickiness",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_played_is_named(rule: Rule, word: str) -> None:
    with pytest.raises(shell.Failed, match=word):
        haproxy.config(balancer(rule))


def test_a_reload_keeps_what_the_checks_saw_and_a_new_target_is_down() -> None:
    before = haproxy.states(balancer(groups=(replace(BLUE, targets=BLUE.targets[:1]),)), ())
    (known,) = [line.replace(" 0 0 1 1 ", " 2 0 1 1 ", 1) for line in before.splitlines()[2:]]
    after = haproxy.states(balancer(), ["1", "# be_id …", known, ""]).splitlines()[2:]
    assert after[0] == known
    assert after[1].split()[1:6] == ["blue", "2", "10.20.1.5:443", "10.20.1.5", "0"]
