"""Deadline > retry > breaker > budget > request: what one run does with many questions."""

import asyncio
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from asking import HOST, Asker, SleptClock
from pricectl.errors import PricectlError, RateLimited, Refused, Transient
from pricectl.model.instant import Clock
from pricectl.net import Host, Reply, Request, pipeline
from raw_server import RawServer, answer, saying
from shell import ROOT

BUSY = answer(b"", "503 Busy")


def many(asker: Asker, count: int, within_s: float | None = None, person: bool = True) -> list[object]:
    """What ``count`` requests of one run give, errors as values; and the attempts counted, last."""

    async def run() -> list[object]:
        async with asker.http(person=person) as http:
            if within_s is not None:
                http.deadline = asker.clock.monotonic() + within_s

            async def one() -> object:
                try:
                    return await http.ask(asker.host, Request("/x"), Reply.json)
                except PricectlError as error:
                    return error

            got = await asyncio.gather(*(one() for _ in range(count)))
            return [*got, http.requests]

    return asyncio.run(run())


def test_a_failure_is_retried_after_a_pause_of_full_jitter(tmp_path):
    with RawServer(saying(BUSY, BUSY, answer())) as server:
        asker = Asker(tmp_path, server.url)
        assert asker.ask() == {"a": 1}
    assert len(server.heads) == 3
    first, second = asker.clock.slept
    assert 0 <= first <= 0.2
    assert 0 <= second <= 0.4


def test_what_a_retry_cannot_mend_ends_it(tmp_path):
    with RawServer(saying(BUSY, answer(b"", "401 Key"), answer())) as server:
        assert type(Asker(tmp_path, server.url).ask()) is Refused
    assert len(server.heads) == 2


def test_the_pauses_are_spread_over_the_whole_window(tmp_path):
    slept = []
    with RawServer(saying(*([BUSY, answer()] * 20))) as server:
        for number in range(20):
            asker = Asker(tmp_path / str(number), server.url)
            asker.ask()
            slept += asker.clock.slept
    assert len(slept) == 20
    assert min(slept) < 0.1 < max(slept)


def test_no_retry_that_would_begin_after_the_deadline(tmp_path, monkeypatch):
    monkeypatch.setattr("random.uniform", lambda low, high: high)  # the longest pause there can be
    with RawServer(saying(BUSY)) as server:
        asker = Asker(tmp_path, server.url)
        assert type(asker.ask(within_s=0.5)) is Transient
        # 0.2 s fits into 0.5 s; the 0.4 s after it do not fit into the 0.3 s left
        assert asker.clock.slept == [0.2]
    assert len(server.heads) == 2


def test_a_provider_that_fails_for_all_is_not_asked_three_times_for_all(tmp_path):
    with RawServer(saying(BUSY)) as server:
        asker = Asker(tmp_path, server.url)
        *got, requests = many(asker, 200)
    assert all(isinstance(one, Transient | Refused) for one in got)
    # Five failures in a row open the breaker; four requests may be on their way by then.
    assert len(server.heads) <= 9
    assert requests == {"yahoo": len(server.heads)}


def test_retries_are_at_most_ten_and_a_tenth_of_the_requests(tmp_path, monkeypatch):
    monkeypatch.setattr("pricectl.state.account.FAILURES", 10**9)
    monkeypatch.setattr("pricectl.state.account.WINDOW_ASKED", 10**9)
    with RawServer(saying(BUSY)) as server:
        many(Asker(tmp_path, server.url, HOST._replace(at_once=8)), 100)
    assert 100 < len(server.heads) <= 120


def test_an_open_breaker_refuses_and_the_next_process_keeps_to_it(tmp_path):
    with RawServer(saying(BUSY)) as server:
        asker = Asker(tmp_path, server.url)
        # The second one opens it with its second attempt, and still says what was wrong.
        assert [type(asker.ask()), type(asker.ask())] == [Transient, Transient]
        sent = len(server.heads)
        assert sent == 5
        next_process = Asker(tmp_path, server.url, clock=asker.clock)
        got = next_process.ask()
        assert type(got) is Refused
        assert got.exit_code == 8
        assert got.hint
    assert len(server.heads) == sent


def test_after_the_pause_one_probe_decides(tmp_path):
    with RawServer(saying(*[BUSY] * 5, answer())) as server:
        asker = Asker(tmp_path, server.url)
        asker.ask()
        asker.ask()
        asker.clock.advance(61)
        *got, _ = many(asker, 10)
        assert got == [{"a": 1}] * 10
        assert asker.ledger.snapshot(HOST).breaker == "closed"


def test_a_failed_probe_opens_the_breaker_for_longer(tmp_path):
    with RawServer(saying(BUSY)) as server:
        asker = Asker(tmp_path, server.url)
        asker.ask()
        asker.ask()
        assert 30 <= asker.ledger.snapshot(HOST).breaker_s <= 60
        for longest in (120, 240, 480, 900, 900):
            asker.clock.advance(901)
            sent = len(server.heads)
            asker.ask()
            assert len(server.heads) == sent + 1
            assert longest / 2 <= asker.ledger.snapshot(HOST).breaker_s <= longest


def test_a_pause_is_no_sign_that_it_has_recovered(tmp_path):
    with RawServer(saying(*[BUSY] * 5, answer(b"", "429 Many", "Retry-After: 5"))) as server:
        asker = Asker(tmp_path, server.url)
        asker.ask()
        asker.ask()
        asker.clock.advance(61)
        assert type(asker.ask()) is RateLimited
    assert asker.ledger.snapshot(HOST).breaker == "half-open"


def test_our_own_broken_network_never_opens_it_for_long(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    asker = Asker(tmp_path, f"http://127.0.0.1:{port}")
    for _ in range(6):
        asker.clock.advance(901)
        asker.ask()
    assert 0 < asker.ledger.snapshot(HOST).breaker_s <= 60


def test_no_more_than_the_host_bears_at_once(tmp_path):
    lock, under_way, most = threading.Lock(), 0, 0
    all_in = threading.Barrier(3, timeout=5)

    def act(connection: socket.socket, _: str) -> None:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        all_in.wait()
        with lock:
            under_way -= 1
        connection.sendall(answer())

    with RawServer(act) as server:
        *got, _ = many(Asker(tmp_path, server.url, HOST._replace(at_once=3)), 12)
    assert got == [{"a": 1}] * 12
    assert most == 3


def test_the_budget_is_waited_for_in_turn(tmp_path):
    host = HOST._replace(rate_per_s=2.0, burst=3, at_once=4)
    with RawServer(saying(answer())) as server:
        asker = Asker(tmp_path, server.url, host)
        *got, _ = many(asker, 7)
    assert got == [{"a": 1}] * 7
    assert asker.clock.slept == pytest.approx([0.5] * 4, abs=0.001)  # three at once, then two a second


def test_a_heavy_request_is_not_overtaken_by_light_ones(tmp_path):
    host = HOST._replace(rate_per_s=20.0, burst=3)
    with RawServer(saying(answer())) as server:
        asker = Asker(tmp_path, server.url, host, clock=Clock())
        assert asker.ledger.take(host, 3, True) == 0.0

        async def run() -> None:
            async with asker.http() as http:
                asks = [("/heavy", 3), ("/light", 1), ("/light", 1)]
                await asyncio.gather(*(http.ask(host, Request(path, (), weight), Reply.json) for path, weight in asks))

        asyncio.run(run())
    assert [head.split()[1] for head in server.heads] == ["/heavy", "/light", "/light"]


def test_a_wait_for_the_budget_that_does_not_fit_is_rate_limited(tmp_path):
    host = HOST._replace(rate_per_s=0.1, burst=1)
    with RawServer(saying(answer())) as server:
        asker = Asker(tmp_path, server.url, host)
        assert asker.ask(within_s=5) == {"a": 1}
        got = asker.ask(within_s=5)
    assert type(got) is RateLimited
    assert got.exit_code == 7
    assert got.retry_after_s == pytest.approx(10, abs=0.01)
    assert asker.clock.slept == []
    assert len(server.heads) == 1


def test_cron_leaves_a_share_to_people(tmp_path):
    host = HOST._replace(rate_per_s=0.001, burst=10)
    with RawServer(saying(answer())) as server:
        asker = Asker(tmp_path, server.url, host)
        *cron, _ = many(asker, 10, within_s=1, person=False)
        *person, _ = many(asker, 10, within_s=1)
    assert [type(one) for one in cron] == [dict] * 8 + [RateLimited] * 2
    assert [type(one) for one in person] == [dict] * 2 + [RateLimited] * 8


def test_the_provider_s_own_count_corrects_ours(tmp_path):
    # It says three times what we charge; the limit is 100, the answers' Date is 12 s before the minute turns.
    host = Host("binance", 1000.0, 1000, 1, used_weight_header="x-mbx-used-weight-1m", weight_per_minute=100)
    answers = [answer(b'{"a":1}', "200 OK", f"X-MBX-USED-WEIGHT-1M: {6 * n}") for n in range(1, 40)]
    with RawServer(saying(*answers)) as server:
        asker = Asker(tmp_path, server.url, host)
        sent = 0
        while asker.ask(within_s=5, request=Request("/x", weight=2)) == {"a": 1}:
            sent += 1
        assert sent == 14  # 13 make 78; with the 14th, 80 % is reached
        got = asker.ask(within_s=5)
        assert type(got) is RateLimited
        assert got.retry_after_s == pytest.approx(12, abs=0.1)
        asker.clock.advance(12.1)
        assert asker.ask(within_s=5) == {"a": 1}


def test_a_nonsense_count_is_no_count(tmp_path):
    host = Host("binance", 1000.0, 1000, 1, used_weight_header="x-mbx-used-weight-1m", weight_per_minute=100)
    for said in ("-5", "nan", "99999999999999999999", "٣", ""):
        with RawServer(saying(answer(b'{"a":1}', "200 OK", f"X-MBX-USED-WEIGHT-1M: {said}"))) as server:
            asker = Asker(tmp_path / f"{len(said)}", server.url, host)
            assert [asker.ask(), asker.ask()] == [{"a": 1}] * 2, said


def test_a_request_that_the_caller_gave_up_on_is_no_failure(tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline, "FAIR_S", 0.0)
    asked = threading.Event()

    def hang(_connection: socket.socket, _: str) -> None:
        asked.set()
        server.closing.wait(10)

    with RawServer(hang) as server:
        asker = Asker(tmp_path, server.url, clock=Clock())

        async def run() -> None:
            async with asker.http() as http:
                task = asyncio.create_task(http.ask(HOST, Request("/x"), Reply.json))
                await asyncio.to_thread(asked.wait, 5)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task

        for _ in range(6):
            asyncio.run(run())
    assert asker.ledger.snapshot(HOST).breaker == "closed"


@pytest.mark.parametrize("callers", [True, False])
@pytest.mark.parametrize(("fair_s", "breaker"), [(0.0, "open"), (2.0, "closed")])
def test_silence_until_the_deadline_is_a_failure_if_there_was_time(tmp_path, monkeypatch, fair_s, breaker, callers):
    assert pipeline.FAIR_S == 2.0
    monkeypatch.setattr(pipeline, "FAIR_S", fair_s)
    with RawServer(lambda _connection, _head: server.closing.wait(10) and None) as server:
        asker = Asker(tmp_path, server.url, clock=Clock())

        async def run() -> None:
            async with asker.http() as http:
                http.deadline = asker.clock.monotonic() + 0.11
                with pytest.raises((TimeoutError, Transient)):
                    async with asyncio.timeout(0.1 if callers else 10):
                        await http.ask(HOST, Request("/x"), Reply.json)

        for _ in range(5):
            sent = len(server.heads)
            while len(server.heads) == sent:  # a machine under load may find no time to send
                asyncio.run(run())
    assert asker.ledger.snapshot(HOST).breaker == breaker


def test_what_is_still_in_the_queue_at_the_deadline_is_not_sent_and_blames_nobody(tmp_path):
    with RawServer(saying(answer())) as server:
        asker = Asker(tmp_path, server.url)
        *got, requests = many(asker, 20, within_s=-1.0)
    assert [type(one) for one in got] == [Transient] * 20
    assert (requests, server.heads) == ({}, [])
    assert asker.ledger.snapshot(HOST).breaker == "closed"


def test_importing_net_and_a_good_answer_load_no_more_than_they_need(tmp_path):
    code = """
import sys
import pricectl.net, pricectl.state
heavy = {"httpx", "httpcore", "tenacity", "asyncio", "logging", "decimal"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
from asking import Asker
assert Asker(__import__("pathlib").Path(sys.argv[1]), sys.argv[2]).ask() is not None
assert "httpx" in sys.modules
assert not {"tenacity", "rich", "pygments"} & set(sys.modules)
"""
    support = Path(__file__).parents[1] / "support"
    with RawServer(saying(answer())) as server:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code, str(tmp_path), server.url],
            env={"PYTHONPATH": f"{ROOT}:{support}", "PYTHONSAFEPATH": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr


def test_a_slept_clock_stands_still():
    clock = SleptClock()
    assert clock.monotonic() == clock.monotonic() == 1000.0
