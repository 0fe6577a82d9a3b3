"""The hot cache on the real diskcache: what it keeps, what it refuses, what it does when it is broken."""

import json
import os
import sqlite3
from pathlib import Path

import pytest

from pricectl.cache import peek
from pricectl.cache.disk import JsonTextDisk, opened
from pricectl.cache.hot import Cache
from pricectl.config import load
from pricectl.home import Home
from pricectl.model.asset import Series
from pricectl.model.instant import Clock
from pricectl.model.quote import Quote

BTC = Quote("binance", "BTCUSDT", "65000.1", "USDT", "-1.5", 1_790_000_000_000, 1_790_000_000_500, 1_790_000_060_500)
OCDO = Quote("yahoo", "OCDO.L", "308.8", "GBp", None, 1_790_000_000_000, 1_790_000_000_700, 1_790_000_060_700)


def cache_in(folder: Path, said: list[str] | None = None, **settings: str) -> Cache:
    told = said if said is not None else []
    return Cache(load(Home(str(folder)), {}, settings), Clock(), told.append)


def test_what_was_put_comes_back_to_the_digit(tmp_path):
    cache = cache_in(tmp_path)
    cache.put([BTC, OCDO], {}, {})
    assert cache.quotes([BTC.series, OCDO.series, Series("yahoo", "NVDA")]) == {BTC.series: BTC, OCDO.series: OCDO}


def test_G_07_keys_that_differ_in_case_or_punctuation_never_collide(tmp_path):
    cache = cache_in(tmp_path)
    ids = [("yahoo", "GBp=X"), ("yahoo", "GBP=X"), ("yahoo", "BTC-USD"), ("yahoo", "BTCUSD"), ("binance", "BTCUSD")]
    quotes = [BTC._replace(provider=p, provider_id=i, price=str(n)) for n, (p, i) in enumerate(ids, 1)]
    cache.put(quotes, {}, {})
    found = cache.quotes([Series(p, i) for p, i in ids])
    assert [found[Series(p, i)].price for p, i in ids] == ["1", "2", "3", "4", "5"]


def test_the_newer_of_two_quotes_stays(tmp_path):
    cache = cache_in(tmp_path)
    cache.put([BTC], {}, {})
    cache.put([BTC._replace(price="1", updated_ms=BTC.updated_ms - 1)], {}, {})
    assert cache.quotes([BTC.series])[BTC.series].price == "65000.1"
    cache.put([BTC._replace(price="2", updated_ms=BTC.updated_ms + 1)], {}, {})
    assert cache.quotes([BTC.series])[BTC.series].price == "2"


def test_an_unknown_symbol_is_remembered_until_a_quote_of_it_arrives(tmp_path):
    cache = cache_in(tmp_path)
    series = Series("yahoo", "OCDO.L")
    cache.put([], {}, {series: "yahoo does not know OCDO.L"})
    assert str(cache.misses([series])[series]) == "yahoo does not know OCDO.L"
    cache.put([OCDO], {}, {})
    assert cache.misses([series]) == {}


def test_the_front_doors_read_agrees_with_diskcache_itself(tmp_path):
    cache = cache_in(tmp_path)
    quotes = [BTC._replace(provider_id=f"A{n}USDT", price=f"{n}.25", change24h=None) for n in range(300)]
    cache.put(quotes, {f"A{n}": (f"A{n}", quotes[n].series) for n in range(300)}, {})
    connection = peek.connect(Home(str(tmp_path)))
    seen = peek.named(connection, [f"A{n}" for n in range(300)], 0.0)
    connection.close()
    with opened(str(tmp_path / "cache")) as real:
        for n in range(300):
            symbol, key, stamp = real.get(f"name/1/A{n}")
            assert seen[f"A{n}"] == (symbol, stamp, ("binance", f"A{n}USDT", *real.get(key)))
            assert real.get(key)[0] == f"{n}.25"


def test_an_expired_row_is_seen_by_neither(tmp_path):
    cache = cache_in(tmp_path)
    cache.put([BTC], {"BTC": ("BTC", BTC.series)}, {})
    connection = peek.connect(Home(str(tmp_path)))
    eight_days_on = (os.path.getmtime(tmp_path / "cache" / "cache.db")) + 8 * 86_400
    assert peek.named(connection, ["BTC"], eight_days_on) == {}
    assert peek.keyed(connection, ["quote/1/binance/BTCUSDT"], eight_days_on) == {}
    connection.close()


PLANTED = {
    "a pickled value": ("quote/1/binance/BTCUSDT", 1, 4, None, b"\x80\x04N."),
    "a file elsewhere": ("quote/1/binance/BTCUSDT", 1, 1, "../../../etc/hostname", "[]"),
    "not JSON": ("quote/1/binance/BTCUSDT", 1, 1, None, "price"),
    "a number for a price": ("quote/1/binance/BTCUSDT", 1, 1, None, '[1.5,"USDT",null,1,2,3]'),
    "text that is no number": ("quote/1/binance/BTCUSDT", 1, 1, None, '["1}","USDT",null,1,2,3]'),
    "times that are texts": ("quote/1/binance/BTCUSDT", 1, 1, None, '["1","USDT",null,"1",2,3]'),
    "too short": ("quote/1/binance/BTCUSDT", 1, 1, None, '["1","USDT"]'),
}


@pytest.mark.parametrize("row", PLANTED.values(), ids=PLANTED.keys())
def test_a_planted_row_is_no_answer_and_runs_nothing(tmp_path, row):
    cache = cache_in(tmp_path, said := [])
    cache.put([OCDO], {}, {})
    key, raw, mode, filename, value = row
    connection = sqlite3.connect(tmp_path / "cache" / "cache.db")
    connection.execute(
        "INSERT INTO Cache (key, raw, store_time, access_time, mode, filename, value) VALUES (?, ?, 0, 0, ?, ?, ?)",
        (key, raw, mode, filename, value),
    )
    connection.commit()
    connection.close()
    assert BTC.series not in cache.quotes([BTC.series])
    assert len(said) <= 1


def test_our_disk_refuses_what_is_not_json_text(tmp_path):
    disk = JsonTextDisk(str(tmp_path))
    with pytest.raises(ValueError, match="text of this cache"):
        disk.fetch(4, None, b"\x80\x04N.", False)
    with pytest.raises(ValueError, match="text of this cache"):
        disk.fetch(1, "../../etc/hostname", "[]", False)
    with pytest.raises(ValueError, match="not text"):
        disk.get(b"\x80\x04N.", False)
    with pytest.raises(ValueError, match="1 MiB"):
        disk.store("x" * (1 << 20), False)
    victim = tmp_path / "victim"
    victim.write_text("still here")
    disk.remove(str(victim))
    assert victim.read_text() == "still here"


def test_values_lie_in_the_folder_as_json_text(tmp_path):
    cache_in(tmp_path).put([BTC], {}, {})
    rows = sqlite3.connect(tmp_path / "cache" / "cache.db").execute("SELECT key, raw, mode, filename, value FROM Cache")
    ((key, raw, mode, filename, value),) = rows.fetchall()
    assert (key, raw, mode, filename) == ("quote/1/binance/BTCUSDT", 1, 1, None)
    assert json.loads(value) == ["65000.1", "USDT", "-1.5", 1_790_000_000_000, 1_790_000_000_500, 1_790_000_060_500]


@pytest.mark.parametrize("damage", [b"", b"not a database at all" * 100], ids=["emptied", "garbage"])
def test_a_damaged_cache_is_a_miss_and_one_warning_and_is_made_anew(tmp_path, damage):
    cache_in(tmp_path).put([BTC], {}, {})
    for suffix in ("-wal", "-shm"):
        (tmp_path / "cache" / f"cache.db{suffix}").unlink(missing_ok=True)
    (tmp_path / "cache" / "cache.db").write_bytes(damage)
    broken = cache_in(tmp_path, said := [])
    assert broken.quotes([BTC.series]) == {}
    assert len(said) == 1
    broken.put([BTC], {}, {})
    assert len(said) == 1
    assert cache_in(tmp_path).quotes([BTC.series]) == {BTC.series: BTC}


def test_a_read_only_setting_writes_nothing(tmp_path):
    cache_in(tmp_path / "home", read_only="true").put([BTC], {}, {})
    assert not (tmp_path / "home").exists()


def test_folders_are_for_their_owner_only(tmp_path):
    cache_in(tmp_path / "home").put([BTC], {}, {})
    assert os.stat(tmp_path / "home").st_mode & 0o777 == 0o700
    assert os.stat(tmp_path / "home" / "cache").st_mode & 0o777 == 0o700


def test_a_cache_that_cannot_be_made_says_why_in_words():
    cache_in(Path("/proc/nowhere"), said := []).put([BTC], {}, {})
    assert said == [
        "the hot cache cannot be written (/proc/nowhere: No such file or directory); the quotes were not kept"
    ]
