"""The shipped catalogue and the providers agree: every id can be asked for, every pair is priced as it says."""

import csv
from pathlib import Path

from pricectl import providers
from pricectl.providers.binance import quote_asset

ASSETS = Path(__file__).parents[2] / "data" / "assets.csv"


def shipped() -> list[dict[str, str]]:
    with ASSETS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_shipped_id_is_spelled_as_its_provider_spells_it() -> None:
    rows = shipped()
    assert len(rows) >= 1500
    wrong = [row["provider_id"] for row in rows if _checked(row) != row["provider_id"]]
    assert wrong == []


def test_every_shipped_pair_is_priced_in_what_its_name_says() -> None:
    pairs = {row["provider_id"]: row["currency"] for row in shipped() if row["provider"] == "binance"}
    assert pairs
    assert {pair: quote_asset(pair) for pair in pairs} == pairs


def _checked(row: dict[str, str]) -> str:
    return providers.get(row["provider"]).check_id(row["provider_id"])


def test_every_shipped_fallback_is_spelled_as_its_provider_spells_it() -> None:
    chains = {row["symbol"]: row["fallbacks"].split() for row in shipped() if row["fallbacks"]}
    assert chains["BTC"] == ["kraken:XBTUSD", "coinbase:BTC-USD"]
    assert chains["EURUSD"] == ["frankfurter:EURUSD", "ecb:EURUSD"]
    assert chains["BRK.B"] == ["tiingo:BRK-B"]
    for chain in chains.values():
        for name, _, one in (series.partition(":") for series in chain):
            assert providers.get(name).check_id(one) == one
