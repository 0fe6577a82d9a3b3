"""What a simulated asset is like: its usual price, its digits, its first session, its splits and dividends.

Splits of a few well-known shares are the real ones, so that an answer adjusted for a split outside the asked window
can be seen for what it is; everything else is drawn from the seed and the provider's id.
"""

import datetime as dt
import math
import random
from typing import NamedTuple

from pricectl.model.asset import Asset
from pricectl.simulator.walk import Walk

_Split = tuple[str, float]
# Ex-dates and ratios as the companies announced them.
SPLITS: dict[str, tuple[_Split, ...]] = {
    "AAPL": (("1987-06-16", 2), ("2000-06-21", 2), ("2005-02-28", 2), ("2014-06-09", 7), ("2020-08-31", 4)),
    "AMZN": (("1998-06-02", 2), ("1999-01-05", 3), ("1999-09-02", 2), ("2022-06-06", 20)),
    "GOOGL": (("2022-07-18", 20),),
    "IBM": (("1997-05-28", 2), ("1999-05-27", 2), ("2021-11-04", 1.046)),
    "NVDA": (
        ("2000-06-27", 2), ("2001-09-12", 2), ("2006-04-07", 2),
        ("2007-09-11", 1.5), ("2021-07-20", 4), ("2024-06-10", 10),
    ),
    "TSLA": (("2020-08-31", 5), ("2022-08-25", 3)),
}  # fmt: skip
_FIRST = {
    "AAPL": "1980-12-12", "AMZN": "1997-05-15", "GOOGL": "2004-08-19", "IBM": "1962-01-02", "MSFT": "1986-03-13",
    "NVDA": "1999-01-22", "TSLA": "2010-06-29", "^GSPC": "1927-12-30", "BTCUSDT": "2017-08-17",
    "ETHUSDT": "2017-08-17", "BNBUSDT": "2017-11-06", "EURUSD=X": "2003-12-01", "GC=F": "2000-08-30",
    "BTC-USD": "2014-09-17",
}  # fmt: skip
# Prices at the anchor of the walk: the order of magnitude a reader expects, nothing more.
_LEVELS = {
    "AAPL": 250.0, "AMZN": 220.0, "GOOGL": 250.0, "IBM": 280.0, "MSFT": 480.0, "NVDA": 180.0, "TSLA": 400.0,
    "BRK-A": 740000.0, "BRK-B": 495.0, "^GSPC": 6700.0, "^DJI": 47000.0, "^IXIC": 22500.0, "^N225": 48000.0,
    "^VIX": 17.0, "GC=F": 3900.0, "SI=F": 47.0, "CL=F": 62.0, "BTC": 90000.0, "ETH": 3100.0, "BNB": 880.0,
    "SOL": 140.0, "XRP": 2.1, "DOGE": 0.15, "ADA": 0.42, "LTC": 85.0, "DOT": 2.3, "LINK": 13.0, "AVAX": 14.0,
    "SHIB": 0.0000085, "PEPE": 0.0000047, "TRX": 0.28, "BCH": 520.0,
}  # fmt: skip
# Units of a currency for one US dollar, roughly.
_PER_USD = {
    "USD": 1.0, "USDT": 1.0, "USDC": 1.0, "FDUSD": 1.0, "EUR": 0.87, "GBP": 0.76, "GBp": 76.0, "JPY": 155.0,
    "CHF": 0.81, "CAD": 1.40, "AUD": 1.53, "NZD": 1.77, "SEK": 9.5, "NOK": 10.1, "DKK": 6.5, "PLN": 3.7,
    "CZK": 21.0, "HUF": 335.0, "TRY": 42.0, "ZAR": 17.2, "ZAc": 1720.0, "ILS": 3.3, "ILA": 330.0, "INR": 89.0,
    "CNY": 7.1, "HKD": 7.8, "TWD": 31.0, "KRW": 1470.0, "SGD": 1.30, "THB": 32.4, "IDR": 16700.0, "MYR": 4.15,
    "PHP": 58.9, "BRL": 5.35, "MXN": 18.4, "CLP": 930.0, "COP": 3750.0, "BTC": 1 / 90000.0, "ETH": 1 / 3100.0,
    "BNB": 1 / 880.0,
}  # fmt: skip
_VOLATILITY = {"crypto": 0.6, "stock": 0.28, "etf": 0.16, "fund": 0.14, "index": 0.16, "fx": 0.07, "commodity": 0.25}
_SHARES = {"stock": 4e6, "etf": 9e5, "index": 3e9, "commodity": 60000.0}


class Listing(NamedTuple):
    """One asset on the simulated market. The walk is on the scale after all ``splits``, future ones too."""

    asset: Asset
    walk: Walk
    first: dt.date
    splits: tuple[tuple[dt.date, float], ...]
    payouts: float  # dividends of a year as a share of the price; 0: pays none
    day_volume: float  # usual volume of a day, in units of the asset


def listing(asset: Asset, seed: int) -> Listing:
    """The listing of ``asset`` on the market of ``seed``: always the same for the same two."""
    key = f"{seed}/{asset.series}"
    draw = random.Random(key)
    level = _level(asset, draw)
    volatility = _VOLATILITY.get(asset.type, 0.28) * (0.7 + 0.6 * draw.random())
    drift = 0.0 if asset.type == "fx" else 0.05
    always_open = asset.exchange in ("BINANCE", "CCC")
    walk = Walk(key, level, volatility, drift, gaps=not always_open)
    dollars = level / _PER_USD.get(asset.currency, 1.0)
    if asset.type == "crypto":
        usual = 10 ** (5.5 + 2.5 * draw.random()) / dollars  # some 0.3 to 100 million dollars a day
    else:
        usual = _SHARES.get(asset.type, 0.0) * (0.2 + draw.random())
    payouts = 0.004 + 0.03 * draw.random() if asset.type in ("stock", "etf") and draw.random() < 0.6 else 0.0
    return Listing(asset, walk, _first(asset, draw), _splits(asset, draw), payouts, usual)


def digits(price: float, asset: Asset) -> int:
    """Decimals of a traded price: six significant digits, the most that float32 always carries apart (Yahoo); one
    more where prices travel as text (Binance)."""
    finest = {"fx": 5, "crypto": 8, "fund": 4}.get(asset.type, 2 if price >= 1.0 else 4)
    if price <= 0.0:
        return finest
    most = 6 if asset.provider == "binance" else 5
    return max(0, min(finest, most - math.floor(math.log10(price))))


def _level(asset: Asset, draw: random.Random) -> float:
    known = _LEVELS.get(asset.provider_id) if asset.provider != "binance" else None
    if known:
        return known
    per_usd = _PER_USD.get(asset.currency, 1.0)
    if asset.type == "fx":
        base = asset.provider_id.removesuffix("=X")
        base = base[:-3] if len(base) == 6 else "USD"
        return per_usd / _PER_USD.get(base, 1.0)
    if asset.type == "crypto":
        coin = asset.provider_id.removesuffix(asset.currency).rstrip("-").replace("XBT", "BTC")
        return _LEVELS.get(coin, 10 ** (2.0 - 5.0 * draw.random())) * per_usd
    if asset.type == "index":
        return float(10 ** (3.0 + 1.5 * draw.random()))
    return float(10 ** (1.2 + 1.4 * draw.random())) * per_usd


def _first(asset: Asset, draw: random.Random) -> dt.date:
    known = _FIRST.get(asset.provider_id)
    if known:
        return dt.date.fromisoformat(known)
    span = {"crypto": (2018, 5), "fx": (2003, 2), "etf": (2000, 18), "index": (1970, 25)}.get(asset.type, (1985, 30))
    return dt.date(span[0] + int(draw.random() * span[1]), 1 + int(draw.random() * 12), 1 + int(draw.random() * 28))


def _splits(asset: Asset, draw: random.Random) -> tuple[tuple[dt.date, float], ...]:
    if asset.provider == "yahoo" and asset.provider_id in SPLITS:
        return tuple((dt.date.fromisoformat(day), float(ratio)) for day, ratio in SPLITS[asset.provider_id])
    if asset.type != "stock" or draw.random() > 0.15:
        return ()
    ratio = draw.choice((2.0, 2.0, 3.0, 1.5, 0.1, 5.0))
    return ((dt.date(2004 + int(draw.random() * 21), 1 + int(draw.random() * 12), 1 + int(draw.random() * 28)), ratio),)
