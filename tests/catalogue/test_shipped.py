"""The list that comes with pricectl: what every line of it must be."""

import csv
import re
from collections import Counter
from pathlib import Path

import pytest

from pricectl.catalogue.shipped import COLUMNS, Shipped
from pricectl.catalogue.symbols import canonical
from pricectl.config import PROVIDERS
from pricectl.errors import ConfigError
from pricectl.home import shipped
from pricectl.model.asset import TYPES, Asset

BTC = Asset("BTC", "Bitcoin", "crypto", "Layer 1", "BTC", "binance", "BTCUSDT", "USDT", "BINANCE")
FALLBACKS = "kraken:XBTUSD coinbase:BTC-USD"
HEADER = "symbol,name,type,category,code,provider,provider_id,currency,exchange,fallbacks\n"


def rows() -> list[dict[str, str]]:
    with open(shipped("assets.csv"), encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_there_are_enough_assets_of_every_type() -> None:
    counted = Counter(row["type"] for row in rows())
    assert set(counted) == set(TYPES)
    assert sum(counted.values()) >= 2900
    assert counted["stock"] >= 2000
    assert counted["crypto"] >= 250
    assert counted["etf"] >= 300
    assert counted["fx"] >= 60
    assert counted["index"] >= 60


def test_every_asset_is_complete_and_well_formed() -> None:
    for row in rows():
        assert list(row) == list(COLUMNS)
        assert all(cell == cell.strip() and cell.isprintable() for cell in row.values()), row
        assert all(cell for name, cell in row.items() if name != "fallbacks"), row
        assert canonical(row["symbol"]) == row["symbol"]
        assert row["type"] in TYPES, row
        assert row["provider"] in PROVIDERS, row
        assert re.fullmatch(r"[A-Z]{3,4}|GBp|ZAc|ILA|USX", row["currency"]), row
        assert re.fullmatch(r"[A-Z]{3}|BINANCE", row["exchange"]), row


def test_symbols_and_series_are_unique_and_the_file_is_sorted() -> None:
    symbols = [row["symbol"] for row in rows()]
    assert symbols == sorted(set(symbols))
    series = [(row["provider"], row["provider_id"]) for row in rows()]
    assert len(series) == len(set(series))


def test_the_spellings_of_the_contract() -> None:
    found = Shipped.load().all()
    assert found["BTC"] == BTC._replace(fallbacks=FALLBACKS)
    assert found["BRK.B"].series == ("yahoo", "BRK-B")
    assert found["EURUSD"].series == ("yahoo", "EURUSD=X")
    assert found["USDJPY"][6:9] == ("JPY=X", "JPY", "CCY")
    assert found["^GSPC"].type == "index"
    assert found["GC=F"].type == "commodity"
    assert found["OCDO.L"][6:9] == ("OCDO.L", "GBp", "LSE")
    assert (found["T"].name, found["TUSDT"].series) == ("AT&T", ("binance", "TUSDT"))
    assert (found["AAPL"].name, found["AAPL"].category) == ("Apple", "Information Technology")


@pytest.mark.parametrize("gone", ["BCC", "BCHABC", "VEN", "MATIC", "FTM", "EOS", "UST", "BUSD", "XMR", "WAVES"])
def test_coins_that_binance_no_longer_trades_are_not_listed(gone: str) -> None:
    assert ("binance", f"{gone}USDT") not in {(row["provider"], row["provider_id"]) for row in rows()}


def test_names_can_be_shown_to_a_person() -> None:
    form = re.compile(r",? (Inc|Corp|Corporation|Ltd|Limited|LLC|PLC|p\.l\.c|S\.A|S\.p\.A|N\.V|Oyj|\(publ\)|KGaA)\.?$")
    kind = re.compile(r"Common Stock|Ordinary Shares|Sponsored|\bAD[RS]\b|\bGDR\b|\(The\)|\(New\)|[^\w.)+&!%'1]$")
    so_called = ("Merck KGaA", "Mitsubishi Corporation", "Sumitomo Corporation")  # told from others only by it
    for row in rows():
        name = row["name"]
        assert not form.search(name) or name in so_called, name
        assert not kind.search(name), name
        assert "  " not in name
        assert not re.search(r"Ã|Â|â€|\ufffd", name), name
        shouting = re.findall(r"[A-Z]{6,}", name)
        assert row["type"] == "fx" or set(shouting) <= {"IAMGOLD", "IDACORP", "MANTRA"}, name
        words = name.lower().split()
        assert len(words) < 4 or words[: len(words) // 2] != words[len(words) // 2 :], name


def test_one_name_stands_for_one_share_of_an_exchange() -> None:
    named = Counter((row["name"], row["exchange"]) for row in rows() if row["type"] == "stock")
    assert [name for name, count in named.items() if count > 1] == []


def test_what_the_quick_look_up_relies_on() -> None:
    text = Path(shipped("assets.csv")).read_text(encoding="utf-8")
    assert text.count("\n") == len(rows()) + 1
    lines = text.splitlines()[1:]
    for line, row in zip(lines, rows(), strict=True):
        assert line.startswith(row["symbol"] + ",")
        tail = f",{row['provider']},{row['provider_id']},{row['currency']},{row['exchange']},{row['fallbacks']}"
        assert line.endswith(tail)
        assert text.count(tail + "\n") == 1
        assert text.count(f",{row['provider']},{row['provider_id']},") == 1


def test_a_few_look_ups_and_many_give_the_same() -> None:
    quick, whole = Shipped.load(), Shipped.load()
    listed = list(whole.all().values())
    for asset in listed[::250]:
        assert quick.get(asset.symbol) == asset
        assert quick.of_series(asset.provider, asset.provider_id) == asset
    assert quick.get("NO.SUCH") is None
    assert quick.of_series("yahoo", "NO.SUCH") is None
    many = Shipped.load()
    assert [many.get(asset.symbol) for asset in listed] == listed


def test_a_symbol_is_not_found_inside_another() -> None:
    text = HEADER + "ABTC,A,stock,Energy,ABTC,yahoo,ABTC,USD,NYQ,\n" + ",".join(BTC[:9]) + ",\n"
    assert Shipped(text).get("BTC") == BTC
    assert Shipped(text).of_series("yahoo", "BTC") is None
    assert Shipped(text).get("AB") is None


@pytest.mark.parametrize("text", ["", "symbol,name\n", HEADER.upper(), HEADER + "BTC,Bitcoin"])
def test_a_list_that_is_not_whole_is_an_error(text: str) -> None:
    with pytest.raises(ConfigError, match="is not the list that was shipped"):
        Shipped(text)


def test_a_list_that_is_missing_is_an_error_that_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pricectl.catalogue.shipped.shipped", lambda name: str(tmp_path / name))
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        Shipped.load()
    assert caught.value.hint == "install pricectl again"


def test_quoted_names_are_read_as_they_are() -> None:
    text = HEADER + 'RGR,"Sturm, Ruger & Co.",stock,Industrials,RGR,yahoo,RGR,USD,NYQ,\n'
    found = Shipped(text).get("RGR")
    assert found is not None
    assert found.name == "Sturm, Ruger & Co."
