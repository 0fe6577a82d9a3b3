"""``pricectl refresh`` as cron, a person and a service manager meet it: real processes."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pricectl.simulator import Simulator
from pricectl.simulator.faults import Match, hang, status
from shell import Ended, environment, on_terminal, pricectl


@pytest.fixture(scope="module")
def market() -> Iterator[Simulator]:
    with Simulator(seed=5) as running:
        yield running


@pytest.fixture(autouse=True)
def _calm(market: Simulator) -> None:
    market.clear()
    market.forget()


def run(home: Path, market: Simulator, *words: str) -> Ended:
    return pricectl("refresh", *words, home=home, env=market.env)


def follow(home: Path, *symbols: str) -> None:
    (home / "assets.csv").write_text("symbol,followed\n" + "".join(f"{one},yes\n" for one in symbols))


def log(home: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (home / "state" / "runs.jsonl").read_text().splitlines()]


def test_under_cron_a_good_run_prints_nothing_and_the_front_door_answers(tmp_path: Path, market: Simulator) -> None:
    follow(tmp_path, "BTC", "AAPL", "OCDO.L")
    assert run(tmp_path, market) == (0, "", "")
    (line,) = log(tmp_path)
    assert (line["command"], line["exit_code"], line["assets"], line["quotes_ok"]) == ("refresh", 0, 3, 3)
    sent = len(market.journal)
    for symbol in ("BTC", "AAPL", "OCDO.L"):
        assert json.loads(pricectl("price", symbol, "--json", home=tmp_path, env=market.env).out)["source"] == "cache"
    assert len(market.journal) == sent
    assert (tmp_path / "state" / "hits").stat().st_size == 3


def test_json_is_that_of_the_contract(tmp_path: Path, market: Simulator) -> None:
    ended = run(tmp_path, market, "BTC", "AAPL", "--json")
    assert (ended.code, ended.err) == (0, "")
    said = json.loads(ended.out)
    assert list(said)[:7] == ["startedAt", "finishedAt", "assets", "quotes", "bars", "requests", "errors"]
    assert said["quotes"] == {"ok": 2, "failed": 0, "skipped": 0}
    assert said["bars"]["added"] > 40
    assert said["bars"]["revised"] == 0
    assert said["requests"] == {"binance": 2, "yahoo": 2}
    assert (said["assets"], said["errors"], said["schemaVersion"]) == (2, [], 1)
    again = json.loads(run(tmp_path, market, "BTC", "AAPL", "-o", "jsonl").out)
    assert again["quotes"] == {"ok": 0, "failed": 0, "skipped": 2}
    assert again["requests"] == {}


def test_a_failure_is_one_line_and_the_same_one_only_once_an_hour(tmp_path: Path, market: Simulator) -> None:
    follow(tmp_path, "BTC", "AAPL", "MSFT", "NVDA")
    market.script(status(503), Match(provider="yahoo"))
    first = run(tmp_path, market)
    assert (first.code, first.out) == (3, "")
    assert first.err.count("\n") == 1
    assert len(first.err) <= 200
    assert first.err.startswith("pricectl: 3 of 4 assets failed; AAPL: yahoo ")
    assert run(tmp_path, market) == (3, "", "")  # 3 of 4 are more than 5 %
    said = json.loads((tmp_path / "state" / "said.json").read_text())
    (tmp_path / "state" / "said.json").write_text(json.dumps({key: at - 3_600_001 for key, at in said.items()}))
    assert run(tmp_path, market).err.count("\n") == 1


def test_an_asset_known_as_failing_does_not_fail_every_run(tmp_path: Path, market: Simulator) -> None:
    added = pricectl("add-asset", "GONE", "--type", "stock", "--provider", "yahoo", "--provider-id", "GONE1",
                     home=tmp_path, env=market.env)  # fmt: skip
    assert added.code == 0
    first = run(tmp_path, market, "GONE", "BTC")
    assert (first.code, first.err.count("\n")) == (3, 1)
    assert "GONE: yahoo does not know GONE1" in first.err
    assert run(tmp_path, market, "GONE", "BTC") == (0, "", "")
    said = json.loads(run(tmp_path, market, "GONE", "BTC", "--json").out)
    assert [one["symbol"] for one in said["errors"]] == ["GONE"]


def test_a_symbol_that_is_none_sinks_nothing(tmp_path: Path, market: Simulator) -> None:
    ended = run(tmp_path, market, "BTC", "NO.SUCH", "--json")
    assert ended.code == 3
    said = json.loads(ended.out)
    assert said["quotes"]["ok"] == 1
    assert [(one["symbol"], one["code"]) for one in said["errors"]] == [("NO.SUCH", "not_found")]
    assert json.loads(ended.err)["error"]["message"] == "NO.SUCH: unknown symbol NO.SUCH"


def test_nothing_followed_says_how_to_once_an_hour(tmp_path: Path, market: Simulator) -> None:
    first = run(tmp_path, market)
    assert (first.code, first.out) == (0, "")
    assert "assets follow" in first.err
    assert run(tmp_path, market) == (0, "", "")
    assert market.journal == []


def test_a_person_sees_what_was_done(tmp_path: Path, market: Simulator) -> None:
    follow(tmp_path, "BTC", "AAPL")
    code, seen = on_terminal("refresh", home=tmp_path, env=market.env)
    assert code == 0
    lines = dict(line.split(maxsplit=1) for line in seen.splitlines())
    assert (lines["assets"], lines["quotes.ok"], lines["quotes.failed"], lines["errors"]) == ("2", "2", "0", "0")
    code, seen = on_terminal("refresh", home=tmp_path / "other", env=market.env)
    assert (code, "pricectl assets follow" in seen) == (0, True)


def test_a_dry_run_asks_nobody_and_writes_nothing(tmp_path: Path, market: Simulator) -> None:
    follow(tmp_path, "BTC", "AAPL")
    ended = run(tmp_path, market, "--dry-run", "--json")
    assert ended.code == 0
    said = json.loads(ended.out)
    assert (said["assets"], said["quotes"], said["bars"]) == (2, {"due": 2}, {"due": 2})
    assert said["requests"] == {"binance": 2, "yahoo": 2}
    assert said["dryRun"] is True
    whole = json.loads(run(tmp_path, market, "--all", "--dry-run", "--json").out)
    assert whole["assets"] > 1500
    assert market.journal == []
    assert not (tmp_path / "state" / "runs.jsonl").exists()
    assert not (tmp_path / "store").exists() or not list((tmp_path / "store").rglob("*.parquet"))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--offline"], "--offline asks nobody"),
        (["--all", "BTC"], "--all excludes"),
        (["--every", "soon"], "--every: 'soon' is not a duration"),
        (["--every", "0.2s"], "--every is less than a second"),
        (["--deadline", "0s"], "--deadline leaves no time"),
        (["--type", "shares"], "shares is no type of asset"),
        (["--jitte", "5s"], "did you mean --jitter"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, market: Simulator, words: list[str], expected: str) -> None:
    ended = run(tmp_path, market, *words)
    assert (ended.code, ended.out) == (2, "")
    assert expected in ended.err
    assert market.journal == []


def test_another_run_is_told_by_the_exit_code_alone(tmp_path: Path, market: Simulator) -> None:
    follow(tmp_path, "BTC")
    (tmp_path / "state").mkdir()
    with (tmp_path / "state" / "refresh.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert run(tmp_path, market) == (11, "", "")
        began = time.monotonic()
        assert run(tmp_path, market, "--wait", "0.3s").code == 11
        assert time.monotonic() - began >= 0.3
        code, seen = on_terminal("refresh", home=tmp_path, env=market.env)
        assert (code, "another run holds the lock" in seen) == (11, True)
        assert market.journal == []
        with _start(tmp_path, market, "--wait", "30s") as waiting:
            _until(lambda: _opened(waiting.pid, "refresh.lock"))
            fcntl.flock(held, fcntl.LOCK_UN)
            assert waiting.wait(20) == 0
    assert run(tmp_path, market).code == 0


def test_a_home_that_is_only_read_is_not_refreshed(tmp_path: Path, market: Simulator) -> None:
    follow(tmp_path, "BTC")
    env = {**market.env, "PRICECTL_READ_ONLY": "1"}
    ended = pricectl("refresh", home=tmp_path, env=env)
    assert (ended.code, ended.out) == (9, "")
    assert "read_only is set" in ended.err
    assert market.journal == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_first_signal_keeps_what_is_whole_and_ends_soon(
    tmp_path: Path, market: Simulator, number: signal.Signals, code: int
) -> None:
    market.script(hang(), Match(provider="yahoo"))
    with _start(tmp_path, market, "BTC", "AAPL") as process:
        _until(lambda: {entry.provider for entry in market.journal} == {"binance", "yahoo"})
        time.sleep(0.2)  # until Binance's answer is in: the simulator notes a request before it answers
        process.send_signal(number)
        began = time.monotonic()
        assert process.wait(10) == code
        assert time.monotonic() - began < 3.0
        assert process.stderr is not None
        assert process.stderr.read() == b""
    known = json.loads(pricectl("price", "BTC", "--json", home=tmp_path, env=market.env).out)
    assert known["source"] == "cache"
    assert log(tmp_path)[0]["quotes_ok"] == 1


def test_a_second_signal_ends_it_at_once(tmp_path: Path, market: Simulator) -> None:
    follow(tmp_path, "BTC")
    code = (
        "import sys, time; from pricectl.cli.stopping import Stop\n"
        "with Stop() as stop:\n"
        "    print('up', flush=True)\n"
        "    while True: time.sleep(0.01)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        process.send_signal(signal.SIGTERM)
        time.sleep(0.1)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 143


def test_every_goes_on_until_it_is_told_to_stop(tmp_path: Path, market: Simulator) -> None:
    follow(tmp_path, "BTC")
    runs, config = tmp_path / "state" / "runs.jsonl", tmp_path / "config.toml"
    with _start(tmp_path, market, "--every", "1s") as process:
        _until(lambda: runs.exists() and len(log(tmp_path)) >= 2)
        assert run(tmp_path, market).code == 11
        assert process.stderr is not None
        config.write_text("colour = 1\n")  # a mistake is said, and mended without a restart
        assert b"unknown setting colour" in process.stderr.readline()
        config.unlink()
        before = len(log(tmp_path))
        _until(lambda: len(log(tmp_path)) > before)
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 143
        assert process.stderr.read() == b""
    assert {line["exit_code"] for line in log(tmp_path)} == {0}


def test_a_state_folder_that_cannot_be_made_is_one_line(tmp_path: Path, market: Simulator) -> None:
    home = tmp_path / "home"
    home.mkdir()
    follow(home, "BTC")
    (home / "state").write_text("a file in the way")
    ended = run(home, market)
    assert (ended.code, ended.out, ended.err.count("\n")) == (9, "", 1)


@pytest.mark.parametrize("name", ["runs.jsonl", "failing.json", "said.json", "bars.json", "binance.ledger", "hits"])
def test_damaged_state_does_not_keep_it_from_refreshing(tmp_path: Path, market: Simulator, name: str) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / name).write_bytes(b"\x00\xff{[damaged")
    assert run(tmp_path, market, "BTC") == (0, "", "")
    assert market.journal


def test_a_run_log_that_cannot_be_written_is_not_the_end(tmp_path: Path, market: Simulator) -> None:
    (tmp_path / "state" / "runs.jsonl").mkdir(parents=True)
    assert run(tmp_path, market, "BTC").code == 0
    assert json.loads(pricectl("price", "BTC", "--json", home=tmp_path, env=market.env).out)["source"] == "cache"


def test_a_backfill_goes_on_until_nothing_is_missing(tmp_path: Path, market: Simulator) -> None:
    follow(tmp_path, "BTC", "AAPL", "MSFT")
    ended = run(tmp_path, market, "--backfill", "--json")
    assert ended.code == 0
    said = json.loads(ended.out)
    assert said["bars"]["added"] > 5000
    assert said["left"] == {"quotes": 0, "bars": 0}
    offline = pricectl("history", "AAPL", "--range", "3y", "--offline", "-o", "csv", home=tmp_path, env=market.env)
    assert offline.code == 0
    assert json.loads(run(tmp_path, market, "--backfill", "--json").out)["requests"] == {}


def _start(home: Path, market: Simulator, *words: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "pricectl", "refresh", *words],
        env=environment(home, market.env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def _opened(pid: int, name: str) -> bool:
    folder = f"/proc/{pid}/fd"
    if not os.path.isdir("/proc/self/fd"):
        return True
    try:
        return any(os.readlink(f"{folder}/{fd}").endswith(name) for fd in os.listdir(folder))
    except OSError:
        return False


def _until(happened: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < give_up
        time.sleep(0.01)
