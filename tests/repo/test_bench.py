"""The benchmark's own parts: what it counts, what it says, and that its clients see what fails."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from benchmarks import compare, converge, figures, killed, page, stolen
from benchmarks.on_host import Failed, Rollout
from benchmarks.stolen import Stolen
from tests.harness.load import http2
from tests.harness.load.measure import Sample, between, near, quantile, summarize
from tests.harness.load.streams import SLOW, streams

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def test_quantiles_are_nearest_ranks() -> None:
    values = [float(it) for it in range(1, 101)]
    assert quantile(values, 0.5) == 50
    assert quantile(values, 0.99) == 99
    assert quantile([7.0], 0.99) == 7
    assert math.isnan(quantile([], 0.5))


def test_whatever_is_not_200_has_failed_and_has_no_latency() -> None:
    found = summarize([Sample(0, 0.1, 200), Sample(0, 9.0, 503), Sample(0, 9.0, 0, "reset")])
    assert (found.count, found.failed, found.max) == (3, 2, 0.1)


def test_a_sample_is_near_the_switch_before_or_after_it() -> None:
    samples = [Sample(at, 0.1, 200) for at in (9.4, 9.6, 10.4, 10.6, 20.0)]
    assert [it.at for it in near(samples, [20.3, 10.0])] == [9.6, 10.4, 20.0]
    assert near(samples, []) == []
    assert [it.at for it in between(samples, [(9.5, 10.5), (19, 21)])] == [9.6, 10.4, 20.0]


def test_every_kind_of_client_is_there_and_each_loop_has_its_rate() -> None:
    kinds = streams(200)
    for loop in ("open", "closed"):
        these = [it for it in kinds if it.loop == loop and it.name != SLOW]
        assert sum(it.rate for it in these) == pytest.approx(200)
        assert {(it.http2, it.keep) for it in these} == {(False, False), (False, True), (True, False), (True, True)}
    assert any(it.slow_s == 2 for it in kinds)


def test_a_section_is_replaced_and_one_without_markers_is_added() -> None:
    before = "# Benchmarks\n\nWhy.\n\n<!-- bench:load -->\nold\n<!-- /bench -->\n\nAfter.\n"
    after = page.replaced(before, "load", "Under load", r"new \1")
    assert after == "# Benchmarks\n\nWhy.\n\n<!-- bench:load -->\nnew \\1\n<!-- /bench -->\n\nAfter.\n"
    more = page.replaced(after, "commands", "Commands", "fast")
    assert more.endswith("## Commands\n\n<!-- bench:commands -->\nfast\n<!-- /bench -->\n")
    assert more.startswith(after.rstrip())
    assert page.replaced(more, "commands", "Commands", "faster").count("bench:commands") == 1


def test_a_page_that_is_not_there_is_begun(tmp_path: Path) -> None:
    page.write(tmp_path / "docs" / "benchmarks.md", "load", "Under load", "fast")
    assert (tmp_path / "docs" / "benchmarks.md").read_text().startswith("# Benchmarks\n\n## Under load\n")


def rollout(kind: str, switched: float) -> Rollout:
    return Rollout(kind, "v2.0.0", 2, "live", 1.0, 0.1, switched, {"switch": 0.01, "drain": 0.2})


def test_the_tables_say_failures_and_where_a_bar_is_missed() -> None:
    calm = [Sample(at / 10, 0.010, 200) for at in range(100)]
    rough = [Sample(20 + at / 100, 0.020, 200) for at in range(10)]
    samples = {"open": [*calm, *rough, Sample(20.2, 0.1, 503)], SLOW: [Sample(20.0, 2.0, 200)]}
    text = figures.load(
        samples, [rollout("deploy", 20.1), rollout("rollback", 40.0)], [(0, 10)], (19, 41), lambda *_: 0.03
    )
    assert "**1 failed**" in text
    assert "10.0 / 10.0 / 10.0" in text
    assert "2.00 × (≤ 1.5: **no**)" in text
    assert "HTTP 503" in text
    found = {name: [0.1, 0.2, 0.3] for name in figures.COMMANDS}
    text = figures.commands(found, [rollout("deploy", 1.0)])
    assert "| `fab rollback`: whole process | 3 | 0.200 | 0.300 | ≤ 1: yes |" in text
    assert "| rollback in standby: from command to traffic moved | 3 | 0.200 | 0.300 | ≤ 0.15: **no** |" in text


def test_what_the_hypervisor_took_is_compared_with_as_much() -> None:
    seen = [(10.0, 1000, 0), (11.0, 1200, 0), (12.0, 1400, 100), (13.0, 1600, 100)]
    watched = Stolen(seen)
    assert [watched.share(at, at + 1) for at in (10, 11, 12)] == [0, 0.5, 0]
    assert Stolen().share(0, 1) == 0
    # A disturbed second at rest (80 ms) and a quiet one (10 ms); a quiet switch (12 ms).
    samples = [*(Sample(10 + it / 10, 0.010, 200) for it in range(10)), *(Sample(11.5, 0.080, 200) for _ in range(5)),
               Sample(12.5, 0.012, 200)]  # fmt: skip
    text = figures.by_stolen(samples, [(10.0, 12.0)], [12.5], watched.share)
    assert "| 0% to 2% | 1 | 10.0 | 1 | 12.0 | 1.20 × |" in text
    assert "| 10% or more | 1 | 80.0 | 0 | – | – |" in text


def test_the_kernels_line_is_read() -> None:
    assert stolen.ticks("cpu  10 1 5 100 2 0 3 7 4 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n") == (128, 7)


def test_four_hosts_are_held_against_one() -> None:
    one, four = (
        [converge.Run(it, 7, 0) for it in (5.0, 5.5, 30.0)],
        [converge.Run(it, 13, 0) for it in (7.0, 9.9, 60.0)],
    )
    text = converge.report({converge.NO_DRIFT: one, converge.SEVERAL.format(4): four})
    assert "| no drift, one host | 3 | 5.5 | 30.0 | 7 | 0 | ≤ 6: yes |" in text
    # Of each pair, for the machine is not always as fast.
    assert "| no drift, 4 hosts | 3 | 9.9 | 60.0 | 13 | 0 | 1.80 × of one: ≤ 1.6: **no** |" in text


def test_a_run_that_did_not_do_what_is_measured_is_no_measurement() -> None:
    with pytest.raises(Failed, match="3 changes; converge the hosts first"):
        converge.expect(converge.Run(9.0, 60, 3), changes=False)
    with pytest.raises(Failed, match="0 changes"):
        converge.expect(converge.Run(5.0, 7, 0), changes=True)


def test_what_kills_cost_is_held_against_nothing_lost() -> None:
    good = [Sample(at / 10, 0.05, 200) for at in range(200) if not 100 <= at < 120]
    kills = [killed.Killed(10.0, 12.5)]
    assert killed.gap(good) == pytest.approx(2.1)
    row = killed.row("with a standby", {"open": good}, kills, bar=True)
    assert row[:6] == ("with a standby", 1, 180, 0, 0, "2.10")
    assert row[-1] == "0: yes"
    bad, slow = [*good, Sample(10.5, 1.0, 503)], [Sample(10.5, 2.0, 200)]
    assert killed.row("with a standby", {"open": bad, SLOW: slow}, kills, bar=True)[3:5] == (1, 1)
    assert killed.row("with a standby", {"open": bad, SLOW: slow}, kills, bar=True)[-1] == "0: **no**"
    row = killed.row("without one", {"open": bad, SLOW: slow}, kills, bar=False)
    assert row[-1] == ""
    assert "| without one | 1 | 182 | 1 | 1 | 2.10 | 0.05 / 0.05 |" in killed.page([row], 80)


@pytest.mark.parametrize(
    ("block", "status"),
    [
        (b"\x88", 200),
        (b"\x20\x88\x5f", 200),
        (b"\x8d", 404),
        (b"\x08\x03503", 503),
        (b"\x48\x03429", 429),
        (b"\x48\x82\x6c\x01", 0),
        (b"", 0),
    ],
)
def test_the_status_is_read_or_unknown_never_guessed(block: bytes, status: int) -> None:
    assert http2.status_of(block) == status


def asked(peer: Peer, body: bytes = b"{}") -> int:
    """One request to a peer that acts as told."""

    async def go() -> int:
        server = await asyncio.start_server(peer, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            session = http2.Session.start(*await asyncio.open_connection("127.0.0.1", port))
            try:
                async with asyncio.timeout(5):
                    return await session.request({":method": "POST"}, body)
            finally:
                await session.close()

    return asyncio.run(go())


def answering(*frames: bytes) -> Peer:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(http2.PREFACE))
        kind = -1
        while kind != http2.DATA:
            head = await reader.readexactly(9)
            kind = head[3]
            await reader.readexactly(int.from_bytes(head[:3]))
        writer.write(b"".join(frames))
        await writer.drain()
        writer.close()

    return peer


def test_an_answer_is_its_status() -> None:
    headers = http2.frame(http2.HEADERS, http2.END_HEADERS, 1, b"\x88")
    assert asked(answering(headers, http2.frame(http2.DATA, http2.END_STREAM, 1, b"{}"))) == 200


@pytest.mark.parametrize(
    "frames",
    [
        [],
        [http2.frame(http2.HEADERS, http2.END_HEADERS, 1, b"\x88"), http2.frame(http2.DATA, 0, 1, b"half")],
        [http2.frame(http2.RST_STREAM, 0, 1, b"\0\0\0\2")],
        [http2.frame(http2.GOAWAY, 0, 0, bytes(8))],
    ],
    ids=["closed", "half an answer", "reset", "going away"],
)
def test_a_request_without_a_whole_answer_has_failed(frames: list[bytes]) -> None:
    with pytest.raises(OSError):
        asked(answering(*frames))


def test_the_status_is_timed_for_one_host_and_for_all() -> None:
    assert list(figures.status_rows(4))[-1] == "`fab status` of 4 hosts"
    assert not any("hosts" in name for name in figures.status_rows(1))
    text = figures.timings({name: [0.4, 1.2, 1.4] for name in figures.status_rows(4)}, figures.status_rows(4))
    assert "| `releasectl status`, on the host | 3 | 1.200 | 1.400 | ≤ 1: **no** |" in text
    assert text.count("\n") == 6


def test_a_ratio_is_that_of_neighbouring_runs() -> None:
    found = [(1.0, 1.0), (3.0, 2.0), (6.0, 4.0)]
    text = compare.report({"`fab rollback`": found, compare.NEW_HOST: [(1.0, 2.0)], compare.DEPLOY: found})
    assert "| `fab rollback` | 3 | 3.00 | 2.00 | 1.50 | ≤ 1.1: **no** |" in text
    assert "| converge of a new host | 1 | 1.00 | 2.00 | 0.50 | ≤ 1: yes |" in text
    assert "| `playbooks/deploy.yml` | 3 | 3.00 | 2.00 | 1.50 |  |" in text
