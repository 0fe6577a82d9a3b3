"""``pricectl history`` as real processes against a simulated market that replays known bars."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pricectl.model.asset import Asset
from pricectl.model.bar import Action, Bar
from pricectl.simulator import Market, Match, Simulator, faults
from shell import NOBODY, Ended, pricectl

APPLE = Asset("AAPL", "Apple", "stock", "", "AAPL", "yahoo", "AAPL", "USD", "NMS")
BITCOIN = Asset("BTC", "Bitcoin", "crypto", "", "BTC", "binance", "BTCUSDT", "USDT", "BINANCE")
# The split's days as they were traded: Friday 28 August 2020, then Monday and Tuesday four shares for one.
BARS = [
    Bar(dt.date(2020, 8, 28), 504.05, 505.77, 498.31, 499.23, 46907500.0),
    Bar(dt.date(2020, 8, 31), 127.58, 131.0, 126.0, 129.04, 225702700.0),
    Bar(dt.date(2020, 9, 1), 132.76, 134.8, 130.53, 134.18, 152470100.0),
]
SPLIT = Action(dt.date(2020, 8, 31), "split", 4.0)
DAYS = ("--from", "2020-08-24", "--to", "2020-08-31")


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    market = Market([APPLE, BITCOIN])
    market.replay("yahoo", "AAPL", BARS, [SPLIT])
    with Simulator(market) as simulator:
        yield simulator


def history(simulator: Simulator, home: Path, *arguments: str) -> Ended:
    return pricectl("history", *arguments, home=home, env=simulator.env)


TABLE = """\
AAPL  USD, adjusted for splits
DATE            OPEN      HIGH       LOW     CLOSE     VOLUME  INTERVAL
2020-08-28  126.0125  126.4425  124.5775  124.8075  187630000  1d
2020-08-31    127.58       131       126    129.04  225702700  1d
"""
DOCUMENT = """\
{
  "symbol": "AAPL",
  "range": null,
  "data": [
    {"date": "2020-08-28", "open": 504.05, "high": 505.77, "low": 498.31, "close": 499.23, "volume": 46907500.0, \
"interval": "1d"},
    {"date": "2020-08-31", "open": 127.58, "high": 131.0, "low": 126.0, "close": 129.04, "volume": 225702700.0, \
"interval": "1d"}
  ],
  "count": 2,
  "currency": "USD",
  "provider": "yahoo",
  "adjusted": "none",
  "from": "2020-08-24",
  "to": "2020-08-31",
  "segments": [
    {"interval": "1d", "from": "2020-08-24", "to": "2020-08-31", "count": 2}
  ],
  "complete": true,
  "asked": "aapl",
  "schemaVersion": 1
}
"""
CSV = """\
date,open,high,low,close,volume,interval,symbol,currency,adjusted
2020-08-24,126.0125,126.4425,124.5775,124.8075,187630000.0,1wk,AAPL,USD,split
"""


def test_every_format_from_one_request(simulator: Simulator, tmp_path: Path) -> None:
    assert history(simulator, tmp_path, "AAPL", *DAYS) == (0, TABLE, "")
    assert history(simulator, tmp_path, "aapl", *DAYS, "--adjust", "none", "--json") == (0, DOCUMENT, "")
    weeks = ("--interval", "1wk", "-o", "csv", "--offline")
    assert history(simulator, tmp_path, "AAPL", *DAYS, *weeks) == (0, CSV, "")
    lines = history(simulator, tmp_path, "yahoo:AAPL", *DAYS, "-o", "jsonl")
    assert (lines.code, lines.err) == (0, "")
    bars = [json.loads(line) for line in lines.out.splitlines()]
    assert [bar["close"] for bar in bars] == [124.8075, 129.04]
    assert [(bar["symbol"], bar["currency"], bar["adjusted"]) for bar in bars] == [("AAPL", "USD", "split")] * 2
    assert len(simulator.journal) == 1


def test_a_range_of_a_market_that_never_closes(simulator: Simulator, tmp_path: Path) -> None:
    ended = history(simulator, tmp_path, "BTC", "--range", "7d", "--json")
    said = json.loads(ended.out)
    assert (ended.code, ended.err) == (0, "")
    assert (said["range"], said["count"], said["currency"], said["provider"]) == ("7d", 7, "USDT", "binance")
    assert "asked" not in said
    assert all("final" not in bar for bar in said["data"])
    today = history(simulator, tmp_path, "BTC", "--range", "7d", "--include-today", "-o", "csv")
    header, *bars = today.out.splitlines()
    assert header == "date,open,high,low,close,volume,interval,final,symbol,currency,adjusted"
    assert [bar.split(",")[7] for bar in bars] == ["true"] * 7 + ["false"]


def test_a_sum_of_volumes_shows_no_noise(simulator: Simulator, tmp_path: Path) -> None:
    ended = history(simulator, tmp_path, "BTC", "--range", "1y", "--interval", "1mo", "--json")
    digits = [len(repr(bar["volume"]).replace(".", "")) for bar in json.loads(ended.out)["data"]]
    assert len(digits) == 12
    assert max(digits) <= 10  # a day's volume has at most five decimals in this market


def test_a_chart(simulator: Simulator, tmp_path: Path) -> None:
    ended = history(simulator, tmp_path, "AAPL", *DAYS, "--chart")
    assert ended.code == 0
    assert ended.out.startswith("AAPL  USD, adjusted for splits\n")
    assert "2020-08-28" in ended.out
    assert max(map(len, ended.out.splitlines())) <= 80
    both = history(simulator, tmp_path, "AAPL", *DAYS, "--chart", "--json")
    assert (both.code, json.loads(both.err)["error"]["code"]) == (2, "usage")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("AAPL", "--range", "2y"), "'2y' is not a range"),
        (("AAPL", "--range", "1m", "--from", "2020-01-01"), "--range and --from exclude each other"),
        (("AAPL", "--from", "2020-02-30"), "--from '2020-02-30' is not a date"),
        (("AAPL", "--from", "2020-01-03", "--to", "2020-01-02"), "is after --to"),
        (("AAPL", "--from", "9999-12-31"), "is in the future"),
        (("../etc/passwd",), ""),
    ],
)
def test_nonsense_is_refused_and_writes_nothing(
    simulator: Simulator, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    ended = history(simulator, tmp_path / "home", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert ended.err.count("\n") == 1
    assert not (tmp_path / "home").exists()
    assert simulator.journal == []


def test_what_cannot_be_had_has_its_exit_code(simulator: Simulator, tmp_path: Path) -> None:
    nothing = history(simulator, tmp_path, "AAPL", *DAYS, "--offline")
    assert (nothing.code, nothing.out) == (6, "")
    assert nothing.err == "pricectl: nothing is stored of AAPL for these days; ask again without --offline\n"
    simulator.script(faults.status(429), Match(provider="yahoo"))
    assert history(simulator, tmp_path, "AAPL", *DAYS).code == 7
    assert history(simulator, tmp_path / "another", "yahoo:NOSUCHTHING", *DAYS).code == 7


def test_a_part_is_given_and_the_exit_code_says_so(simulator: Simulator, tmp_path: Path) -> None:
    assert history(simulator, tmp_path, "AAPL", *DAYS).code == 0
    further = ("AAPL", "--from", "2020-08-24", "--to", "2020-09-01", "--json")
    offline = history(simulator, tmp_path, *further, "--offline")
    assert (offline.code, json.loads(offline.out)["count"], json.loads(offline.out)["complete"]) == (6, 2, False)
    simulator.script(faults.html(), Match(provider="yahoo"))
    failed = history(simulator, tmp_path, *further)
    assert (failed.code, json.loads(failed.out)["count"], json.loads(failed.out)["complete"]) == (3, 2, False)
    assert "part of the range is missing" in json.loads(failed.err)["warning"]["message"]


def test_a_refresh_that_fails_is_a_warning_while_nothing_is_missing(simulator: Simulator, tmp_path: Path) -> None:
    assert history(simulator, tmp_path, "AAPL", *DAYS).code == 0
    simulator.script(faults.html(), Match(provider="yahoo"))
    ended = history(simulator, tmp_path, "AAPL", *DAYS, "--refresh")
    assert (ended.code, ended.out) == (0, TABLE)
    assert ended.err.startswith("pricectl: warning: AAPL: these are the stored bars, not refreshed (yahoo ")
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize("table", ["bars", "coverage"])
def test_a_damaged_newest_entry_names_what_heals_it_and_that_heals(
    simulator: Simulator, tmp_path: Path, table: str
) -> None:
    for symbol in ("BTC", "AAPL"):
        days = DAYS if symbol == "AAPL" else ("--range", "7d")
        assert history(simulator, tmp_path, symbol, *days).code == 0
    log = tmp_path / "store" / table / "_delta_log"
    max(log.glob("*.json")).write_bytes(b"")
    shown = history(simulator, tmp_path, "AAPL", *DAYS)
    assert (shown.code, shown.out) == (0, TABLE)
    heals = "`pricectl doctor --fix` sets it aside and goes on from the one before\n"
    assert shown.err.endswith(f"answering without it; {heals}")
    offline = history(simulator, tmp_path, "AAPL", *DAYS, "--offline")
    assert (offline.code, offline.err.partition("; ")[2]) == (9, heals)
    assert pricectl("doctor", "--fix", home=tmp_path, env=NOBODY).code == 0
    assert history(simulator, tmp_path, "AAPL", *DAYS) == (0, TABLE, "")
    assert history(simulator, tmp_path, "AAPL", *DAYS, "--offline") == (0, TABLE, "")


STORED_ONLY = """
import sys
from pricectl.cli import main
code = main(sys.argv[1:])
heavy = {"httpx", "tenacity", "deltalake", "asyncio", "diskcache", "rich", "pricectl.engine.live"} & set(sys.modules)
print(code, sorted(heavy), file=sys.stderr)
"""


def test_what_is_stored_needs_no_network_library(simulator: Simulator, tmp_path: Path) -> None:
    assert history(simulator, tmp_path, "AAPL", *DAYS).code == 0
    env = NOBODY
    again = pricectl("history", "AAPL", *DAYS, home=tmp_path, env=env, program=("-c", STORED_ONLY))
    assert again == (0, TABLE, "0 []\n")
