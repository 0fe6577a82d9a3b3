"""What watches over ``pricectl refresh``: the metrics file, the ping URL, and ``status --check``; real processes."""

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pricectl.simulator import Simulator
from pricectl.simulator.faults import Match, status
from raw_server import RawServer, answer
from shell import Ended, pricectl


@pytest.fixture(scope="module")
def market() -> Iterator[Simulator]:
    with Simulator(seed=5) as running:
        yield running


@pytest.fixture(autouse=True)
def _calm(market: Simulator) -> None:
    market.clear()


def refresh(home: Path, market: Simulator, *words: str) -> Ended:
    return pricectl("refresh", *words, home=home, env=market.env)


def follow(home: Path, *symbols: str) -> None:
    (home / "assets.csv").write_text("symbol,followed\n" + "".join(f"{one},yes\n" for one in symbols))


def say_ok(connection: socket.socket, _: str) -> None:
    connection.sendall(answer(b"OK"))


def figures(path: Path) -> dict[str, float]:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return {name.removeprefix("pricectl_"): float(value) for name, _, value in (one.rpartition(" ") for one in lines)}


def test_a_good_run_and_a_bad_one_are_told(tmp_path: Path, market: Simulator) -> None:
    follow(tmp_path, "BTC")
    metrics = tmp_path / "pricectl.prom"
    with RawServer(say_ok) as monitor:
        words = ("--metrics-file", str(metrics), "--ping-url", f"{monitor.url}/secret")
        assert refresh(tmp_path, market, *words) == (0, "", "")
        good = figures(metrics)
        market.script(status(503))  # the fallbacks fail as well
        bad = refresh(tmp_path, market, *words, "--refresh")
        assert (bad.code, bad.out, bad.err.count("\n")) == (3, "", 1)
    pinged = [head.split("?")[0] for head in monitor.heads]
    assert pinged == ["GET /secret/start", "POST /secret/0", "GET /secret/start", "POST /secret/3"]
    later = figures(metrics)
    assert (good["last_run_exit_code"], later["last_run_exit_code"]) == (0, 3)
    assert good['last_run_requests{provider="binance"}'] == 2
    assert later["last_run_timestamp_seconds"] > good["last_run_timestamp_seconds"]
    assert later["last_success_timestamp_seconds"] == good["last_success_timestamp_seconds"]
    assert later["failing_assets"] == 1


def test_metrics_that_cannot_be_written_are_one_line_an_hour_and_exit_code_2(tmp_path: Path, market: Simulator) -> None:
    follow(tmp_path, "BTC")
    first = refresh(tmp_path, market, "--metrics-file", f"{tmp_path}/gone/x.prom")
    assert (first.code, first.out) == (2, "")
    assert first.err == (
        f"pricectl: cannot write the metrics to {tmp_path}/gone/x.prom: No such file or directory; "
        "name a file in a folder that exists and that this account may write\n"
    )
    assert refresh(tmp_path, market, "--metrics-file", f"{tmp_path}/gone/x.prom") == (2, "", "")
    assert json.loads(pricectl("price", "BTC", "--json", home=tmp_path, env=market.env).out)["source"] == "cache"


def test_a_monitor_that_hangs_costs_three_seconds_and_no_exit_code(tmp_path: Path, market: Simulator) -> None:
    follow(tmp_path, "BTC")

    def hang(connection: socket.socket, _: str) -> None:
        monitor.closing.wait(20)

    with RawServer(hang) as monitor:
        began = time.monotonic()
        ended = refresh(tmp_path, market, "--ping-url", f"{monitor.url}/secret")
        assert time.monotonic() - began < 9
    assert (ended.code, ended.out, ended.err.count("\n")) == (0, "", 1)
    assert ended.err.startswith("pricectl: the ping ")
    assert "secret" not in ended.err
    assert json.loads(pricectl("price", "BTC", "--json", home=tmp_path, env=market.env).out)["source"] == "cache"


def test_a_ping_url_that_is_none_is_refused_and_not_repeated(tmp_path: Path, market: Simulator) -> None:
    ended = refresh(tmp_path, market, "--ping-url", "hc-ping.com/secret")
    assert (ended.code, ended.out) == (2, "")
    assert "secret" not in ended.err


def test_a_run_that_could_not_begin_is_told_as_well(tmp_path: Path, market: Simulator) -> None:
    (tmp_path / "assets.csv").write_text("nonsense\n1\n")
    with RawServer(say_ok) as monitor:
        ended = refresh(tmp_path, market, "--ping-url", monitor.url, "--metrics-file", f"{tmp_path}/x.prom")
    assert ended.code == 2
    assert [head.split("?")[0] for head in monitor.heads] == ["GET /start", "POST /2"]
    assert figures(tmp_path / "x.prom")["last_run_exit_code"] == 2


def test_the_pulse_of_a_home(tmp_path: Path, market: Simulator) -> None:
    follow(tmp_path, "BTC")
    before = pricectl("status", "--check", home=tmp_path)
    assert before == (6, "", "pricectl: no refresh has run; `pricectl schedule --install` has it run each minute\n")
    assert refresh(tmp_path, market).code == 0
    after = pricectl("status", "--check", "--max-age", "3m", home=tmp_path)
    assert (after.code, after.err) == (0, "")
    assert after.out.startswith("fresh: the last refresh succeeded ")
    assert ", the oldest price of an open market came " in after.out
    time.sleep(0.02)
    assert pricectl("status", "--check", "--max-age", "0.01s", home=tmp_path).code == 6


def test_an_asset_that_always_fails_does_not_stop_the_pulse(tmp_path: Path, market: Simulator) -> None:
    follow(tmp_path, "BTC", "AAPL")
    assert refresh(tmp_path, market).code == 0
    market.script(status(503), Match(provider="yahoo"))
    market.script(status(503), Match(provider="tiingo"))
    assert refresh(tmp_path, market, "--refresh").code == 3
    assert refresh(tmp_path, market, "--refresh").code == 0
    newest = json.loads((tmp_path / "state" / "runs.jsonl").read_text().splitlines()[-1])
    assert newest["started_ms"] <= newest["oldest_ms"] <= newest["finished_ms"]
