"""The server: its faults, its journal, its control paths, and that it ends."""

import gzip
import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from loopback import ask
from pricectl.simulator import Market, Match, Simulator, faults

SPARK = "/v7/finance/spark?symbols=AAPL&range=1d&interval=1d"
YAHOO = Match(provider="yahoo")


def raw(simulator, target):
    """What comes over the wire until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", simulator.port), timeout=30) as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nUser-Agent: x\r\n\r\n".encode())
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    return received


def test_the_address_is_on_loopback_and_goes_to_every_provider(simulator):
    assert simulator.url == f"http://127.0.0.1:{simulator.port}"
    names = ("BINANCE", "YAHOO", "KRAKEN", "COINBASE", "FRANKFURTER", "ECB", "TIINGO")
    assert simulator.env == {f"PRICECTL_{name}_URL": simulator.url for name in names}


def test_answers_bear_the_markets_date(simulator):
    assert ask(simulator, "/api/v3/ping").headers["date"] == "Tue, 24 Nov 2026 16:00:00 GMT"
    reply = ask(simulator, SPARK)
    assert reply.headers["date"] == "Tue, 24 Nov 2026 16:00:00 GMT"
    assert reply.headers["content-type"] == "application/json;charset=utf-8"


def test_large_bodies_are_packed_for_those_who_can_unpack(simulator):
    plain, packed = ask(simulator, SPARK), ask(simulator, SPARK, Accept_Encoding="gzip")
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert "content-encoding" not in ask(simulator, "/api/v3/ping", Accept_Encoding="gzip").headers


def test_one_connection_serves_many_requests(simulator):
    connection = http.client.HTTPConnection("127.0.0.1", simulator.port)
    for _ in range(3):
        connection.request("GET", "/api/v3/ping")
        assert connection.getresponse().read() == b"{}"
    connection.close()


def test_many_at_once_are_all_answered(simulator):
    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda n: ask(simulator, SPARK if n % 2 else "/api/v3/ticker/24hr"), range(40)))
    assert {reply.status for reply in replies} == {200}
    assert len(simulator.journal) == 40
    assert len({reply.body for reply in replies}) == 2


@pytest.mark.parametrize("agent", ["", "python-requests/2.32"])
def test_yahoo_turns_away_what_looks_like_a_script(simulator, agent):
    reply = ask(simulator, SPARK, agent=agent)
    assert (reply.status, reply.body) == (429, b"Too Many Requests\r\n")
    assert "retry-after" not in reply.headers


def test_the_journal_says_what_was_asked_and_answered(simulator, clock):
    ask(simulator, "/v8/finance/chart/EURUSD%3DX?interval=1d&range=1d")
    ask(simulator, "/api/v3/klines?symbol=NOPE&interval=1d")
    ask(simulator, "/api/v3/ticker/price?symbols=%5B%22BTCUSDT%22,%22ETHUSDT%22%5D")
    chart, klines, prices = simulator.journal
    assert (chart.provider, chart.method, chart.symbols, chart.status) == ("yahoo", "GET", ("EURUSD=X",), 200)
    assert chart.params == {"interval": "1d", "range": "1d"}
    assert chart.headers["user-agent"] == "Mozilla/5.0"
    assert (klines.provider, klines.path, klines.symbols) == ("binance", "/api/v3/klines", ("NOPE",))
    assert (klines.status, klines.weight, klines.ms) == (400, 2, clock.ms)
    assert prices.symbols == ("BTCUSDT", "ETHUSDT")
    simulator.forget()
    assert simulator.journal == []


def test_a_fault_strikes_as_often_as_told_and_only_what_it_is_meant_for(simulator):
    simulator.script(faults.status(503), Match(path="/v8/", symbol="AAPL"), times=2)
    aapl, msft = (f"/v8/finance/chart/{symbol}?range=1d" for symbol in ("AAPL", "MSFT"))
    assert [ask(simulator, target).status for target in (msft, SPARK, aapl, msft, aapl, aapl)] == [
        200, 200, 503, 200, 503, 200,
    ]  # fmt: skip
    assert [entry.fault for entry in simulator.journal] == ["", "", "status", "", "status", ""]


def test_faults_strike_in_the_order_of_the_script_and_end_with_it(simulator):
    simulator.script(faults.status(500), times=1)
    simulator.script(faults.status(502))
    assert [ask(simulator, "/api/v3/ping").status for _ in range(3)] == [500, 502, 502]
    simulator.clear()
    assert ask(simulator, "/api/v3/ping").status == 200


@pytest.mark.parametrize(
    ("provider", "code", "kind", "part"),
    [
        ("yahoo", 429, "text/plain", b"Too Many Requests\r\n"),
        ("yahoo", 502, "text/html", b"Will be right back"),
        ("yahoo", 401, "application/json;charset=utf-8", b'"Invalid Crumb"'),
        ("binance", 429, "application/json;charset=UTF-8", b'{"code":-1003,'),
        ("binance", 403, "text/html", b"Request blocked."),
        ("binance", 451, "application/json;charset=UTF-8", b'"code":0'),
        ("binance", 503, "application/json;charset=UTF-8", b'{"code":-1008,'),
    ],
)
def test_a_status_comes_with_the_body_that_the_provider_sends(simulator, provider, code, kind, part):
    simulator.script(faults.status(code))
    reply = ask(simulator, SPARK if provider == "yahoo" else "/api/v3/ping")
    assert (reply.status, reply.headers["content-type"]) == (code, kind)
    assert part in reply.body


def test_a_ban_says_until_when(simulator, clock):
    simulator.script(faults.status(418, retry_after=90))
    reply = ask(simulator, "/api/v3/ping")
    assert reply.headers["retry-after"] == "90"
    assert f"IP banned until {clock.ms + 90_000}." in reply.json()["msg"]


def test_a_status_may_have_a_date_and_a_body_of_its_own(simulator):
    simulator.script(faults.status(429, retry_after="Tue, 24 Nov 2026 16:01:00 GMT", body='{"chart":1}'), YAHOO)
    reply = ask(simulator, SPARK)
    assert reply.headers["retry-after"] == "Tue, 24 Nov 2026 16:01:00 GMT"
    assert (reply.headers["content-type"], reply.body) == ("application/json;charset=utf-8", b'{"chart":1}')


def test_garbage_is_neither_json_nor_utf8(simulator):
    simulator.script(faults.garbage())
    reply = ask(simulator, SPARK)
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json;charset=utf-8")
    with pytest.raises(UnicodeDecodeError):
        reply.body.decode()


def test_html_and_redirects(simulator):
    simulator.script(faults.html(), times=1)
    simulator.script(faults.redirect("https://guce.example/consent"), times=1)
    page, away = ask(simulator, SPARK), ask(simulator, SPARK)
    assert (page.status, page.headers["content-type"]) == (200, "text/html")
    assert b"Will be right back" in page.body
    assert (away.status, away.headers["location"]) == (307, "https://guce.example/consent")


def test_the_weight_can_be_lied_about(simulator):
    simulator.script(faults.lie_weight(5999))
    reply = ask(simulator, "/api/v3/time")
    assert (reply.status, reply.headers["x-mbx-used-weight-1m"]) == (200, "5999")


def test_a_cut_body_promises_more_than_it_holds(simulator):
    whole = ask(simulator, SPARK)
    simulator.script(faults.cut(10))
    head, _, body = raw(simulator, SPARK).partition(b"\r\n\r\n")
    assert f"Content-Length: {len(whole.body)}".encode() in head
    assert body == whole.body[:10]


def test_a_dropped_request_gets_nothing(simulator):
    simulator.script(faults.drop())
    assert raw(simulator, SPARK) == b""
    assert simulator.journal[-1].status == 0


def test_a_bomb_is_small_on_the_wire_and_large_unpacked(simulator):
    simulator.script(faults.bomb(3_000_000))
    reply = ask(simulator, SPARK)
    assert len(reply.body) < 10_000
    assert gzip.decompress(reply.body) == b" " * 3_000_000


def test_a_delayed_answer_is_the_right_one_late(simulator):
    right = ask(simulator, SPARK)
    simulator.script(faults.delay(0.05))
    started = time.monotonic()
    assert ask(simulator, SPARK).body == right.body
    assert time.monotonic() - started >= 0.05


def test_a_trickled_answer_is_the_right_one_byte_by_byte(simulator):
    right = ask(simulator, "/api/v3/time")
    simulator.script(faults.trickle(0.001))
    assert ask(simulator, "/api/v3/time").body == right.body


def test_a_hang_can_be_bounded(simulator):
    simulator.script(faults.hang(0.02))
    assert raw(simulator, SPARK) == b""


@pytest.mark.parametrize("fault", [faults.hang(), faults.delay(3600), faults.trickle(3600)])
def test_closing_ends_what_hangs(market, fault):
    simulator = Simulator(market)
    simulator.script(fault)
    ended = threading.Event()

    def wait():
        raw(simulator, SPARK)
        ended.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    while not simulator.journal:
        assert waiting.is_alive()
    simulator.close()
    assert ended.wait(20)
    waiting.join(20)
    simulator.close()


def test_a_closed_simulator_answers_no_more_and_frees_its_port(market):
    with Simulator(market) as simulator:
        connection = http.client.HTTPConnection("127.0.0.1", simulator.port, timeout=20)
        connection.request("GET", "/api/v3/ping")
        connection.getresponse().read()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", simulator.port), timeout=20).close()
    connection.close()
    with Simulator(market, port=simulator.port) as again:
        assert ask(again, "/api/v3/ping").status == 200


def test_another_process_can_script_faults_and_read_the_journal(simulator):
    order = {"fault": {"kind": "status", "code": 429, "retry_after": 7}, "match": {"provider": "binance"}, "times": 1}
    script = (
        "import sys, urllib.request as u\n"
        "u.urlopen(u.Request(sys.argv[1], data=sys.argv[2].encode(), method='POST')).read()"
    )
    subprocess.run([sys.executable, "-c", script, f"{simulator.url}/_control/script", json.dumps(order)], check=True)
    reply = ask(simulator, "/api/v3/ping")
    assert (reply.status, reply.headers["retry-after"]) == (429, "7")
    assert ask(simulator, "/api/v3/ping").status == 200
    listed = ask(simulator, "/_control/journal").json()
    assert [(entry["path"], entry["status"], entry["fault"]) for entry in listed] == [
        ("/api/v3/ping", 429, "status"), ("/api/v3/ping", 200, ""),
    ]  # fmt: skip
    ask(simulator, "/_control/journal", method="DELETE")
    assert simulator.journal == []


def test_the_control_paths_steer_the_market(simulator):
    def order(name, **said):
        assert ask(simulator, f"/_control/{name}", method="POST", body=said).status == 200

    aapl = {"provider": "yahoo", "provider_id": "AAPL"}
    order("pin", provider="binance", provider_id="BTCUSDT", price=65000.1)
    assert ask(simulator, "/api/v3/ticker/price?symbol=BTCUSDT").json()["price"] == "65000.10000000"
    bars = [["2020-01-02", 74.06, 75.15, 73.7975, 75.0875, 135480400], ["2020-01-03", None, None, None, None, None]]
    order("replay", **aapl, bars=bars, actions=[["2020-08-31", "split", 4]], adjusted=True)
    window = "period1=1577836800&period2=1578182400&interval=1d"
    result = ask(simulator, f"/v8/finance/chart/AAPL?{window}").json()["chart"]["result"][0]
    assert result["indicators"]["quote"][0]["close"] == [75.0875015258789, None]
    order("halt", provider="binance", provider_id="ETHUSDT")
    assert ask(simulator, "/api/v3/ticker/price?symbol=ETHUSDT").json()["price"] == "0.00000000"
    order("remove", **aapl)
    assert ask(simulator, "/v8/finance/chart/AAPL?range=1d").status == 404
    order("act", provider="yahoo", provider_id="MSFT", actions=[["2025-03-03", "split", 2]], blanks=["2025-03-04"])
    window = "period1=1740960000&period2=1741132800&interval=1d&events=split"
    result = ask(simulator, f"/v8/finance/chart/MSFT?{window}").json()["chart"]["result"][0]
    assert result["indicators"]["quote"][0]["close"][1] is None
    assert [split["splitRatio"] for split in result["events"]["splits"].values()] == ["2:1"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/_control/script", {"fault": {"kind": "quake"}}, 400),
        ("POST", "/_control/script", {"faults": []}, 400),
        ("POST", "/_control/script", {"fault": {"kind": "status", "colour": 1}}, 400),
        ("POST", "/_control/pin", {"provider": "yahoo"}, 400),
        ("POST", "/_control/act", {"provider": "yahoo", "provider_id": "NOPE"}, 400),
        ("GET", "/_control/script", None, 404),
        ("POST", "/_control/nothing", {}, 404),
    ],
)
def test_a_wrong_order_is_refused_with_a_word(simulator, method, path, body, status):
    reply = ask(simulator, path, method=method, body=body)
    assert reply.status == status
    assert reply.json()["error"]


@pytest.mark.parametrize("target", ["/", "/v7/finance/quote?symbols=AAPL", "/api/v3/depth?symbol=BTCUSDT", "/api/v3/"])
def test_paths_that_nobody_serves_are_404_in_json(simulator, target):
    reply = ask(simulator, target)
    assert reply.status == 404
    assert isinstance(reply.json(), dict)


@pytest.mark.parametrize(
    "target",
    [
        "/v8/finance/chart/AAPL?period1=x&period2=y", "/v8/finance/chart/AAPL?period1=-99999999999&period2=9999999999",
        "/v8/finance/chart/%00?range=1d", "/v8/finance/chart/?range=1d", "/v7/finance/spark", "/v8/finance/chart/A/B",
        "/v8/finance/chart/AAPL?range=1x", "/api/v3/klines?symbol=BTCUSDT&interval=1d&startTime=99999999999999999999",
        "/api/v3/klines?symbol=BTCUSDT&interval=1d&startTime=-1", "/api/v3/klines?symbol=BTCUSDT&interval=1d&limit=0",
        "/api/v3/ticker/price?symbols=", "/api/v3/ticker/price?symbols=%5B%5D", "/api/v3/ticker/price?symbols=%5B1%5D",
        "/api/v3/ticker/price?symbol=", "/api/v3/ticker/price?symbol=%C3%A9%F0%9F%98%80",
    ],
)  # fmt: skip
def test_nonsense_is_answered_without_a_server_error(simulator, target):
    assert ask(simulator, target).status in (200, 400, 404)


def test_a_market_starts_without_reading_the_catalogue():
    def assets():
        raise AssertionError("read")
        yield

    with Simulator(Market(assets())) as simulator:
        assert ask(simulator, "/api/v3/ping").status == 200
