"""The front door as a real process: what it answers, what it imports, when it steps aside."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricectl.cache import peek
from pricectl.cache.hot import Cache
from pricectl.config import load
from pricectl.home import Home
from pricectl.model.asset import Series
from pricectl.model.instant import Clock
from pricectl.model.quote import Answer, Quote
from pricectl.output import line
from shell import NOBODY

# What the design forbids on the way of a cached answer; each costs between 5 and 250 ms.
HEAVY = (
    "typer", "rich", "httpx", "asyncio", "tenacity", "diskcache", "duckdb", "pyarrow", "deltalake", "logging",
    "importlib.metadata", "dataclasses", "tomllib", "typing", "json", "decimal",
)  # fmt: skip

PROBE = """
import sys
from pricectl.__main__ import main
sys.argv = ["pricectl", *sys.argv[1:]]
before = set(sys.modules)
code = main()
print(code, *sorted(set(sys.modules) - before), file=sys.stderr)
"""


def quote(**changes) -> Quote:
    now_ms = Clock().now_ms()
    made = Quote("binance", "BTCUSDT", "65000.1", "USDT", "1.647", 1_790_000_000_391, now_ms, now_ms + 600_000)
    return made._replace(**changes)


def keep(home: Path, quotes: dict[str, Quote]) -> None:
    cache = Cache(load(Home(str(home)), {}), Clock(), lambda text: pytest.fail(text))
    cache.put(list(quotes.values()), {name: (name, one.series) for name, one in quotes.items()}, {})


def run(home: Path, *words: str, stdin: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PRICECTL_")}
    return subprocess.run(
        [sys.executable, "-c", PROBE, *words],
        env={**clean, "PRICECTL_HOME": str(home), **env}, input=stdin, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def stepped_aside(done: subprocess.CompletedProcess[str]) -> bool:
    return "pricectl.cli" in done.stderr.split()


def test_a_cached_price_leaves_before_anything_heavy_is_imported(tmp_path):
    keep(tmp_path, {"BTC": quote()})
    done = run(tmp_path, "price", "BTC", "--json")
    assert json.loads(done.stdout)["price"] == 65000.1
    imported = done.stderr.split()[1:]
    assert "pricectl.cache.peek" in imported
    assert [name for name in HEAVY if name in imported] == []


def test_a_cached_batch_too(tmp_path):
    keep(tmp_path, {"BTC": quote(), "ETH": quote(provider_id="ETHUSDT", price="3000")})
    done = run(tmp_path, "batch", "ETH", "btc", "ETH", "-o", "json")
    answer = json.loads(done.stdout)
    assert [one["symbol"] for one in answer["prices"]] == ["ETH", "BTC", "ETH"]
    assert [one.get("asked") for one in answer["prices"]] == [None, "btc", None]
    assert {key: answer[key] for key in ("cached", "fetched", "stored", "failed", "total", "schemaVersion")} == {
        "cached": 3, "fetched": 0, "stored": 0, "failed": 0, "total": 3, "schemaVersion": 1,
    }  # fmt: skip
    assert [name for name in HEAVY if name in done.stderr.split()] == []


def test_the_text_of_each_format_to_the_byte(tmp_path):
    fetched_ms = Clock().now_ms() // 1000 * 1000
    keep(tmp_path, {"BTC": quote(fetched_ms=fetched_ms)})
    fetched = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(fetched_ms // 1000))
    json_text = (
        '{"symbol": "BTC", "price": 65000.1, "change24h": 1.647, "updatedAt": "2026-09-21T14:13:20.391Z", '
        '"source": "cache", "currency": "USDT", "provider": "binance", '
        f'"fetchedAt": "{fetched}", "stale": false, "schemaVersion": 1}}\n'
    )
    assert run(tmp_path, "price", "BTC", "--json").stdout == json_text
    assert run(tmp_path, "price", "BTC", "-o", "jsonl").stdout == json_text
    assert run(tmp_path, "price", "BTC").stdout == (
        "SYMBOL    PRICE  CURRENCY  CHANGE %  UPDATED                   SOURCE\n"
        "BTC     65000.1  USDT        +1.647  2026-09-21T14:13:20.391Z  cache\n"
    )
    assert run(tmp_path, "price", "BTC", "--output", "csv").stdout == (
        "symbol,price,change24h,updatedAt,source,asked,currency,provider,fetchedAt,stale\n"
        f"BTC,65000.1,1.647,2026-09-21T14:13:20.391Z,cache,,USDT,binance,{fetched},false\n"
    )


FORMS = [("price", "BTC"), ("price", "btc", "--json"), ("batch", "ETH", "BTC"), ("batch", "BTC", "eth", "--json"),
         ("batch", "BTC", "-o", "jsonl"), ("batch", "ETH", "ETH", "-o", "csv")]  # fmt: skip


@pytest.mark.parametrize("words", FORMS, ids=" ".join)
def test_the_long_way_prints_the_same_bytes(tmp_path, words):
    keep(tmp_path, {"BTC": quote(), "ETH": quote(provider_id="ETHUSDT", price="0.00000123", change24h=None)})
    short = run(tmp_path, *words)
    long = run(tmp_path, *words, "-q")  # an option that changes nothing here, but is not the front door's
    assert not stepped_aside(short)
    assert stepped_aside(long)
    assert short.stdout == long.stdout != ""


texts = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=12)
decimals = st.decimals(allow_nan=False, allow_infinity=False, places=8).map(lambda d: format(d, "f"))
instants = st.integers(0, 4_102_444_800_000)


@settings(max_examples=200, deadline=None)
@given(texts, texts, decimals, texts, st.none() | decimals, instants, instants, st.booleans())
def test_any_quote_is_the_same_json_as_the_standard_librarys(
    symbol, asked, price, currency, change, updated, fetched, stale
):
    answer = Answer(symbol, asked, Quote("yahoo", "X", price, currency, change, updated, fetched, 0), "store", stale)
    read = json.loads(line.record(answer), parse_float=str, parse_int=str)
    assert read["symbol"] == symbol
    assert read.get("asked", symbol) == asked
    assert (read["price"], read["currency"], read["change24h"], read["stale"]) == (price, currency, change, stale)


ASIDE = {
    "not cached": ["price", "ETH"],
    "an option": ["price", "BTC", "--offline"],
    "two symbols for price": ["price", "BTC", "BTC"],
    "no symbol": ["batch"],
    "standard input": ["batch", "-"],
    "another command": ["config", "path"],
    "an unknown format": ["price", "BTC", "-o", "xml"],
    "beyond ASCII": ["price", "BTÇ"],
}


@pytest.mark.parametrize("words", ASIDE.values(), ids=ASIDE.keys())
def test_it_steps_aside_for(tmp_path, words):
    keep(tmp_path, {"BTC": quote()})
    assert stepped_aside(run(tmp_path, *words, PRICECTL_TIMEOUT="1s", **NOBODY))


@pytest.mark.parametrize(
    "change",
    [{"fresh_until_ms": 1_000}, {"fetched_ms": 4_102_444_800_000, "fresh_until_ms": 4_102_444_900_000}],
    ids=["a stale quote", "a quote from the future"],
)
def test_it_steps_aside_for_what_is_not_fresh(tmp_path, change):
    keep(tmp_path, {"BTC": quote(**change)})
    assert stepped_aside(run(tmp_path, "price", "BTC", **NOBODY))


def test_only_a_setting_in_the_environment_makes_it_step_aside(tmp_path):
    keep(tmp_path, {"BTC": quote()})
    assert not stepped_aside(run(tmp_path, "price", "BTC", PRICECTL_TIINGO_TOKEN="a-key", **NOBODY))
    assert stepped_aside(run(tmp_path, "price", "BTC", PRICECTL_FRESH_OPEN="90s"))


@pytest.mark.parametrize("name", ["config.toml", "assets.csv"])
def test_it_steps_aside_when_settings_or_the_users_assets_have_changed(tmp_path, name):
    keep(tmp_path, {"BTC": quote()})
    assert not stepped_aside(run(tmp_path, "price", "BTC"))
    (tmp_path / name).write_text("")
    assert stepped_aside(run(tmp_path, "price", "BTC"))


def test_a_fallback_that_stands_in_is_answered_as_the_long_way_does(tmp_path):
    from engines import engine
    from pricectl.engine import prices
    from pricectl.simulator import Match, Simulator, faults

    with Simulator() as market:
        market.script(faults.status(503), Match(provider="binance"))
        wish = prices.Wish(10.0)
        (first,) = prices.get(engine(tmp_path, market, Clock()), ["BTC"], wish)
        assert isinstance(first, Answer)
        (long_way,) = prices.get(engine(tmp_path, market, Clock()), ["BTC"], wish)
        done = run(tmp_path, "price", "BTC", "--json", **market.env)
    assert not stepped_aside(done)
    said = json.loads(done.stdout)
    assert (said["provider"], said["currency"], said["source"], said["stale"]) == ("kraken", "USD", "cache", False)
    assert isinstance(long_way, Answer)
    assert done.stdout == line.text([(*long_way[:2], long_way.quote, *long_way[3:])], "json", single=True) + "\n"


def test_it_steps_aside_for_colour(tmp_path):
    keep(tmp_path, {"BTC": quote()})
    assert stepped_aside(run(tmp_path, "price", "BTC", FORCE_COLOR="1"))


def test_each_answer_is_counted_by_one_byte(tmp_path):
    keep(tmp_path, {"BTC": quote()})
    run(tmp_path, "price", "BTC")
    (tmp_path / "state").mkdir(exist_ok=True)
    run(tmp_path, "price", "BTC")
    run(tmp_path, "batch", "BTC", "BTC")
    assert (tmp_path / "state" / "hits").read_bytes() in (b"...", b"....")


def test_a_folder_that_may_only_be_read_is_answered_from():
    """WAL wants a shared-memory file beside the database, which another account's read-only home cannot give."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        keep(home, {"BTC": quote()})
        for path in [home, *home.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)  # root may write whatever the mode says
        try:
            connection = peek.connect(Home(folder))
            found = peek.named(connection, ["BTC"], time.time())
            connection.close()
        finally:
            if root:
                os.seteuid(0)
            for path in [home, *home.rglob("*")]:
                path.chmod(0o700)
    assert found["BTC"][2][2] == "65000.1"


def test_a_closed_pipe_ends_quietly(tmp_path):
    keep(tmp_path, {f"A{n}": quote(provider_id=f"A{n}USDT") for n in range(2000)})
    script = f'exec "{sys.executable}" -c \'{PROBE.replace("print(code", "0 and print(code")}\' batch "$@" -o jsonl'
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; ({script}) | head -1", "-", *[f"A{n}" for n in range(2000)]],
        env={**os.environ, "PRICECTL_HOME": str(tmp_path)}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["symbol"] == "A0"


def test_reading_costs_nothing_of_a_writers_time(tmp_path):
    """The front door's connection is read-only: it cannot take the lock that a writer needs."""
    keep(tmp_path, {"BTC": quote()})
    connection = peek.connect(Home(str(tmp_path)))
    with pytest.raises(Exception, match="readonly"):
        connection.execute("DELETE FROM Cache")
    assert list(peek.named(connection, ["BTC"], time.time())) == ["BTC"]
    connection.close()
    assert Series("binance", "BTCUSDT") == quote().series


def test_two_formats_at_once_are_judged_by_the_long_way(tmp_path):
    keep(tmp_path, {"BTC": quote()})
    done = run(tmp_path, "price", "BTC", "--json", "-o", "csv")
    assert (stepped_aside(done), done.stdout) == (True, "")
