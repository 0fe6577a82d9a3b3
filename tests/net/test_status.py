"""What each status means, once: retried or not, the error, and what it leaves behind for the next process."""

import pytest

from asking import HOST, Asker
from pricectl.errors import BadPayload, RateLimited, Refused, Transient, UnknownSymbol
from pricectl.net import Reply
from raw_server import RawServer, answer, saying

MINUTE = HOST._replace(name="binance", weight_per_minute=6000, used_weight_header="x-mbx-used-weight-1m")

# status, headers, error, exit code, requests sent, seconds of the pause that everybody keeps, breaker
MATRIX = [
    ("500 Oops", (), Transient, 8, 3, 0, "closed"),
    ("502 Bad Gateway", (), Transient, 8, 3, 0, "closed"),
    ("503 Busy", (), Transient, 8, 3, 0, "closed"),
    ("504 Late", (), Transient, 8, 3, 0, "closed"),
    ("408 Slow", (), Transient, 8, 3, 0, "closed"),
    ("503 Busy", ("Retry-After: 120",), RateLimited, 7, 1, 120, "closed"),
    ("503 Busy", ("Retry-After: soon",), Transient, 8, 3, 0, "closed"),
    ("429 Many", (), RateLimited, 7, 1, 10, "closed"),
    ("429 Many", ("Retry-After: 17",), RateLimited, 7, 1, 17, "closed"),
    ("429 Many", ("Retry-After: 0",), RateLimited, 7, 1, 1, "closed"),
    ("429 Many", ("Retry-After: -1",), RateLimited, 7, 1, 10, "closed"),
    ("429 Many", ("Retry-After: 999999999",), RateLimited, 7, 1, 21600, "closed"),
    ("429 Many", ("Retry-After: Tue, 24 Nov 2026 12:02:48 GMT",), RateLimited, 7, 1, 120, "closed"),
    ("418 Banned", (), RateLimited, 7, 1, 120, "closed"),
    ("418 Banned", ("Retry-After: 3600",), RateLimited, 7, 1, 3600, "closed"),
    ("418 Banned", ("Retry-After: 999999999",), RateLimited, 7, 1, 259200, "closed"),
    ("401 Key", (), Refused, 8, 1, 0, "closed"),
    ("403 No", (), Refused, 8, 1, 0, "open"),
    ("451 Region", (), Refused, 8, 1, 0, "open"),
    ("999 Denied", (), Refused, 8, 1, 0, "open"),
    ("407 Proxy", (), Refused, 8, 1, 0, "closed"),
    ("410 Gone", (), Refused, 8, 1, 0, "closed"),
    ("301 Moved", ("Location: https://elsewhere.example/a?b",), Refused, 8, 1, 0, "closed"),
    ("304 Same", (), Refused, 8, 1, 0, "closed"),
    ("204 Nothing", (), BadPayload, 8, 1, 0, "closed"),
    ("206 Part", (), BadPayload, 8, 1, 0, "closed"),
]


@pytest.mark.parametrize(("status", "headers", "error", "code", "sent", "pause_s", "breaker"), MATRIX)
def test_the_status_matrix(tmp_path, status, headers, error, code, sent, pause_s, breaker):
    body = b"" if status[:3] in ("204", "304") else b'{"a":1}'
    with RawServer(saying(answer(body, status, *headers, length=bool(body)))) as server:
        asker = Asker(tmp_path, server.url)
        got = asker.ask()
    assert type(got) is error
    assert got.exit_code == code
    assert got.provider == "yahoo"
    assert got.hint
    assert len(server.heads) == sent
    left = asker.ledger.snapshot(HOST)
    assert left.pause_s == pytest.approx(pause_s)
    assert left.breaker == breaker
    if error is RateLimited:
        assert got.retry_after_s == pytest.approx(pause_s)
        assert got.banned is (status[:3] == "418")


@pytest.mark.parametrize("status", ["400", "404", "422"])
def test_statuses_that_the_provider_explains_reach_its_reading_function(tmp_path, status):
    def read(reply: Reply) -> str:
        raise UnknownSymbol(f"{reply.status} {reply.json()['code']}", provider="yahoo")

    with RawServer(saying(answer(b'{"code":-1121}', f"{status} No"))) as server:
        got = Asker(tmp_path, server.url).ask(read)
    assert type(got) is UnknownSymbol
    assert str(got) == f"{status} -1121"
    assert len(server.heads) == 1


def test_a_ban_named_in_the_text_counts_if_it_is_longer(tmp_path):
    # The server's clock says 12:00:48; the ban ends 300 s later.
    body = (
        b'{"code":-1003,"msg":"Way too much request weight used; IP banned until 1795521948000. Please use WebSocket"}'
    )
    with RawServer(saying(answer(body, "418 Banned", "Retry-After: 120"))) as server:
        got = Asker(tmp_path, server.url, MINUTE).ask()
    assert got.retry_after_s == pytest.approx(300)
    assert got.banned


def test_a_429_that_does_not_say_how_long_waits_for_the_provider_s_minute_to_turn(tmp_path):
    # The answer's Date is 12:00:48, so 12 s are left of the minute that the provider counts.
    said = answer(b"{}", "429 Many", "X-MBX-USED-WEIGHT-1M: 6004")
    with RawServer(saying(said)) as server:
        got = Asker(tmp_path, server.url, MINUTE).ask()
    assert got.retry_after_s == pytest.approx(12)


def test_a_429_without_an_end_lengthens_for_those_who_knock_on(tmp_path):
    host = HOST._replace(pauses_s=(300.0, 900.0, 3600.0))
    with RawServer(saying(answer(b"Too Many Requests\r\n", "429 Too Many Requests"))) as server:
        asker = Asker(tmp_path, server.url, host)
        pauses = []
        for _ in range(4):
            pauses.append(round(asker.ask().retry_after_s))
            asker.clock.advance(4000)
    assert pauses == [300, 900, 3600, 3600]


def test_an_answer_between_ends_the_row_of_pauses(tmp_path):
    host = HOST._replace(pauses_s=(300.0, 900.0))
    many = answer(b"", "429 Too Many Requests")
    with RawServer(saying(many, answer(), many)) as server:
        asker = Asker(tmp_path, server.url, host)
        assert round(asker.ask().retry_after_s) == 300
        asker.clock.advance(301)
        assert asker.ask() == {"a": 1}
        assert round(asker.ask().retry_after_s) == 300


def test_the_reading_function_may_find_a_pause_in_a_body(tmp_path):
    def read(reply: Reply) -> str:
        raise RateLimited("EAPI:Rate limit exceeded", retry_after_s=30.0)

    with RawServer(saying(answer())) as server:
        asker = Asker(tmp_path, server.url)
        assert asker.ask(read).retry_after_s == 30.0
        assert type(asker.ask()) is RateLimited
    assert len(server.heads) == 1


def test_a_reading_function_need_not_know_who_it_reads_for(tmp_path):
    with RawServer(saying(answer(b"{"))) as server:
        got = Asker(tmp_path, server.url).ask()
    assert str(got).startswith("yahoo: the answer is not valid JSON")
    assert got.provider == "yahoo"


def test_the_reading_function_s_transient_is_retried(tmp_path):
    def read(reply: Reply) -> int:
        if reply.json()["a"] == 1:
            raise Transient("busy")
        return reply.json()["a"]

    with RawServer(saying(answer(), answer(b'{"a":2}'))) as server:
        assert Asker(tmp_path, server.url).ask(read) == 2
    assert len(server.heads) == 2


def test_the_reply_carries_the_provider_s_clock_and_ours(tmp_path):
    with RawServer(saying(answer(b"{}", "200 OK", "X-Seen: 1"))) as server:
        got = Asker(tmp_path, server.url).ask(lambda reply: reply)
    assert got.server_ms == 1_795_521_648_000
    assert got.received_ms == 1_795_521_600_000
    assert got.headers["x-seen"] == "1"


def test_without_a_date_our_clock_stands_in(tmp_path):
    with RawServer(saying(b"HTTP/1.1 200 OK\r\nDate: nonsense\r\nContent-Length: 2\r\n\r\n{}")) as server:
        got = Asker(tmp_path, server.url).ask(lambda reply: reply.server_ms)
    assert got == 1_795_521_600_000
