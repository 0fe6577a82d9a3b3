"""``pricectl price`` and ``pricectl batch`` as real processes against a simulated market."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pricectl.model.asset import Asset
from pricectl.simulator import Market, Match, Simulator, faults
from shell import NOBODY, Ended, environment, pricectl

ASSETS = [
    Asset("BTC", "Bitcoin", "crypto", "", "BTC", "binance", "BTCUSDT", "USDT", "BINANCE"),
    Asset("ETH", "Ether", "crypto", "", "ETH", "binance", "ETHUSDT", "USDT", "BINANCE"),
    # Binance's without a fallback in the shipped list.
    Asset("DENT", "Dent", "crypto", "", "DENT", "binance", "DENTUSDT", "USDT", "BINANCE"),
    Asset("AAPL", "Apple", "stock", "", "AAPL", "yahoo", "AAPL", "USD", "NMS"),
]
BINANCE = Match(provider="binance")
# The keys of the specification first, in its words; then ours.
PRICE = [
    "symbol", "price", "change24h", "updatedAt", "source", "currency", "provider", "fetchedAt", "stale",
    "schemaVersion",
]  # fmt: skip
BATCH = ["prices", "cached", "fetched", "total", "stored", "failed", "errors", "schemaVersion"]
COLUMNS = "symbol,price,change24h,updatedAt,source,asked,currency,provider,fetchedAt,stale"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    market = Market(ASSETS)
    for name, price in (("BTCUSDT", 65000.1), ("ETHUSDT", 3000.5), ("DENTUSDT", 0.00000123)):
        market.pin("binance", name, price)
    market.pin("yahoo", "AAPL", 166.69)
    with Simulator(market) as running:
        yield running


def run(simulator: Simulator, home: Path, *arguments: str, stdin: str = "") -> Ended:
    return pricectl(*arguments, home=home, env=simulator.env, stdin=stdin)


def symbols(ended: Ended) -> list[str]:
    return [one["symbol"] for one in json.loads(ended.out)["prices"]]


# What is printed


def test_the_keys_of_a_price(simulator: Simulator, tmp_path: Path) -> None:
    ended = run(simulator, tmp_path, "price", "BTC", "--json")
    said = json.loads(ended.out)
    assert (ended.code, ended.err, list(said)) == (0, "", PRICE)
    expected = {"symbol": "BTC", "price": 65000.1, "source": "provider", "currency": "USDT", "provider": "binance"}
    assert {key: said[key] for key in expected} == expected
    assert (said["stale"], said["schemaVersion"]) == (False, 1)
    again = json.loads(run(simulator, tmp_path, "price", "btc", "--json").out)
    assert again == {**said, "source": "cache", "asked": "btc"}
    assert len(simulator.journal) == 1


def test_the_keys_of_a_batch_and_of_its_errors(simulator: Simulator, tmp_path: Path) -> None:
    ended = run(simulator, tmp_path, "batch", "AAPL", "NOSUCHTHING", "BTC", "AAPL", "--json")
    said = json.loads(ended.out)
    assert (ended.code, ended.err, list(said)) == (3, "", BATCH)
    assert [one["symbol"] for one in said["prices"]] == ["AAPL", "BTC", "AAPL"]
    assert [list(one) for one in said["prices"]] == [PRICE] * 3
    counts = {"cached": 0, "fetched": 3, "total": 4, "stored": 0, "failed": 1, "schemaVersion": 1}
    assert {key: said[key] for key in counts} == counts
    (error,) = said["errors"]
    assert list(error)[:3] == ["symbol", "code", "message"]
    assert (error["symbol"], error["code"]) == ("NOSUCHTHING", "not_found")


def test_the_four_formats(simulator: Simulator, tmp_path: Path) -> None:
    words = ("batch", "BTC", "DENT", "-o")
    document = json.loads(run(simulator, tmp_path, *words, "json").out)  # from the cache from now on
    bitcoin, dent = ({**one, "source": "cache"} for one in document["prices"])
    lines = run(simulator, tmp_path, *words, "jsonl")
    assert [json.loads(line) for line in lines.out.splitlines()] == [bitcoin, dent]
    header, first, second = run(simulator, tmp_path, *words, "csv").out.splitlines()
    assert header == COLUMNS
    assert first.startswith("BTC,65000.1,")
    assert first.endswith(f",cache,,USDT,binance,{bitcoin['fetchedAt']},false")
    assert second.startswith("DENT,0.00000123,")
    table = run(simulator, tmp_path, *words, "table")
    heading, *shown = table.out.splitlines()
    assert heading.split() == ["SYMBOL", "PRICE", "CURRENCY", "CHANGE", "%", "UPDATED", "SOURCE"]
    assert [line.split()[:3] for line in shown] == [["BTC", "65000.1", "USDT"], ["DENT", "0.00000123", "USDT"]]
    assert table.err == lines.err == ""


# Where the symbols come from


@pytest.mark.parametrize(
    "text", ["BTC\n\n# a remark\n AAPL \r\n", '["BTC", "AAPL"]', '{"symbols": ["BTC", "AAPL"]}', "\ufeffBTC\nAAPL"]
)
def test_a_text_names_the_symbols(simulator: Simulator, tmp_path: Path, text: str) -> None:
    assert symbols(run(simulator, tmp_path, "batch", "-", "--json", stdin=text)) == ["BTC", "AAPL"]
    (tmp_path / "symbols").write_text(text)
    ended = run(simulator, tmp_path, "batch", "--file", str(tmp_path / "symbols"), "--json")
    assert (ended.code, symbols(ended)) == (0, ["BTC", "AAPL"])


def test_a_type_names_them_too(simulator: Simulator, tmp_path: Path) -> None:
    ended = run(simulator, tmp_path, "batch", "--type", "fund", "--json", "--offline")
    said = json.loads(ended.out)
    assert (ended.code, said["total"] > 0, said["failed"]) == (6, True, said["total"])
    unknown = run(simulator, tmp_path, "batch", "--type", "bond")
    assert (unknown.code, unknown.out) == (2, "")
    assert unknown.err.startswith("pricectl: bond is no type of asset; one of crypto, stock, ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "which symbols?; give symbols, or one of -, --file, --type, --all"),
        (("BTC", "--file", "x"), "symbols and --file exclude each other; give one of them"),
        (("-", "--type", "crypto"), "- and --type exclude each other; give one of them"),
        (("--file", "x", "--type", "fx", "--all"), "--file, --type and --all exclude each other; give one of them"),
        (("--file", "/nowhere/at/all"), "cannot read /nowhere/at/all: No such file or directory; "),
    ],
)
def test_the_symbols_come_from_one_place(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    ended = pricectl("batch", *words, home=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"pricectl: {said}")
    assert ended.err.count("\n") == 1


def test_a_line_in_is_a_line_out_at_once(simulator: Simulator, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "pricectl", "batch", "-", "-o", "jsonl"],
        env=environment(tmp_path, simulator.env), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None

        def ask(symbol: str) -> Any:
            process.stdin.write(f"{symbol}\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        assert (ask("BTC")["price"], ask("AAPL")["price"]) == (65000.1, 166.69)
        failed = ask("NOSUCHTHING")
        assert (failed["symbol"], failed["error"]["code"]) == ("NOSUCHTHING", "not_found")
        assert list(failed["error"]) == ["code", "message"]
        assert ask("")["error"]["code"] == "usage"
        assert ask("BTC")["source"] == "cache"
        process.stdin.close()
        assert (process.stdout.read(), process.stderr.read(), process.wait(60)) == ("", "", 3)


# How it ends


@pytest.mark.parametrize(
    ("symbol", "fault", "code", "word"),
    [
        ("NOSUCHTHING", None, 4, "not_found"),
        ("yahoo:NOSUCHTHING", None, 4, "not_found"),
        ("../etc/passwd", None, 2, "usage"),
        ("DENT", faults.status(429, retry_after=60), 7, "rate_limited"),
        ("DENT", faults.status(451), 8, "refused"),
        ("DENT", faults.garbage(), 8, "bad_payload"),
    ],
)
def test_a_cause_has_its_exit_code_alone_and_in_a_batch(
    simulator: Simulator, tmp_path: Path, symbol: str, fault: faults.Fault | None, code: int, word: str
) -> None:
    if fault:
        simulator.script(fault, BINANCE)
    alone = run(simulator, tmp_path, "price", symbol, "--json")
    assert (alone.code, alone.out, alone.err.count("\n")) == (code, "", 1)
    error = json.loads(alone.err)["error"]
    assert (list(error), error["code"]) == (["code", "message", "hint"], word)
    both = run(simulator, tmp_path / "batch", "batch", symbol, symbol)
    assert (both.code, both.out) == (code, "")
    assert both.err.count("\n") == 1


def test_causes_of_two_kinds_are_3(simulator: Simulator, tmp_path: Path) -> None:
    assert run(simulator, tmp_path, "batch", "NOSUCHTHING", "../etc").code == 3


def test_nobody_is_there_and_nothing_is_known(tmp_path: Path) -> None:
    assert pricectl("price", "DENT", "--timeout", "1s", home=tmp_path, env=NOBODY).code == 8
    offline = pricectl("price", "BTC", "--offline", home=tmp_path, env=NOBODY)
    assert offline == (6, "", "pricectl: nothing is stored of BTC; ask again without --offline\n")


def test_an_older_answer_is_given_with_a_warning_and_0(simulator: Simulator, tmp_path: Path) -> None:
    known = json.loads(run(simulator, tmp_path, "price", "DENT", "--json").out)
    simulator.script(faults.status(503), BINANCE)
    ended = run(simulator, tmp_path, "price", "DENT", "--refresh", "--json")
    assert (ended.code, json.loads(ended.out)) == (0, {**known, "source": "cache", "stale": True})
    (line,) = ended.err.splitlines()
    warning = json.loads(line)["warning"]
    assert list(warning) == ["message", "hint"]
    assert warning["message"].startswith("DENT: the answer is stale (binance")
    in_words = run(simulator, tmp_path, "batch", "DENT", "--refresh")
    assert (in_words.code, len(in_words.out.splitlines())) == (0, 2)
    assert in_words.out.endswith("cache (stale)\n")
    assert in_words.err.startswith("pricectl: warning: DENT: the answer is stale (")
    quiet = run(simulator, tmp_path, "price", "DENT", "--refresh", "--quiet")
    assert (quiet.code, quiet.out, quiet.err) == (0, in_words.out, "")
    # An age that was asked for and cannot be had: the same answer, and 6.
    aged = run(simulator, tmp_path, "price", "DENT", "--max-age", "0s", "--json")
    assert (aged.code, json.loads(aged.out)["stale"], aged.err.count("\n")) == (6, True, 1)
    offline = run(simulator, tmp_path, "price", "DENT", "--offline", "--max-age", "0s", "-o", "csv")
    assert (offline.code, offline.out.splitlines()[1].rpartition(",")[2]) == (6, "true")
