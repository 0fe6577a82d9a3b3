"""The ``meta`` block that Yahoo puts before every chart and spark: keys and order as recorded in 2025 and 2026."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from pricectl.model.asset import Asset
from pricectl.simulator.listing import digits
from pricectl.simulator.moment import Moment, scale
from pricectl.simulator.tape import Session, Tape

_KINDS = {
    "stock": "EQUITY", "etf": "ETF", "fund": "MUTUALFUND", "index": "INDEX", "fx": "CURRENCY",
    "crypto": "CRYPTOCURRENCY", "commodity": "FUTURE",
}  # fmt: skip
_FULL = {
    "NMS": "NasdaqGS", "NGM": "NasdaqGM", "NCM": "NasdaqCM", "NYQ": "NYSE", "PCX": "NYSEArca", "ASE": "NYSE American",
    "BTS": "Cboe US", "CMX": "COMEX", "CBT": "CBOT", "NYM": "NY Mercantile", "GER": "XETRA", "CPH": "Copenhagen",
    "TOR": "Toronto", "JKT": "Jakarta", "SET": "Thailand", "PAR": "Paris", "AMS": "Amsterdam", "STO": "Stockholm",
    "HKG": "HKSE", "JPX": "Tokyo", "KSC": "KSE", "EBS": "Swiss", "MIL": "Milan", "OSL": "Oslo", "HEL": "Helsinki",
    "SAO": "São Paulo", "JNB": "Johannesburg", "SNP": "SNP", "DJI": "DJI",
}  # fmt: skip
_RANGES = ["1d", "5d", "1mo", "3mo", "6mo", "1y", "2y", "5y", "10y", "ytd", "max"]
_FEW_RANGES = ["1mo", "3mo", "6mo", "ytd", "1y", "2y", "5y", "10y", "max"]
_US = ("NMS", "NGM", "NCM", "NYQ", "PCX", "ASE", "BTS")
_NEW_YORK = ZoneInfo("America/New_York")
_SPREAD = 0.06  # a year's low and high lie at least this far outside the quarter ends that they are taken from


def whole(value: float) -> float | int:
    """Whole numbers leave as integers, as Yahoo's writer sends them."""
    return int(value) if value == int(value) else value


def hint(price: float, asset: Asset) -> int:
    """Decimals for display."""
    return 4 if asset.type == "fx" else 2 if price >= 1.0 else max(2, digits(price, asset))


def neat(price: float, asset: Asset) -> float | int:
    """A price of the meta block: rounded, no float32 noise."""
    return whole(round(price, hint(price, asset) + (asset.type != "fx")))


def meta(tape: Tape, at: Moment, now_ms: int, range_: str, granularity: str, previous: float | None) -> dict[str, Any]:
    """The block for ``tape`` at ``now_ms``; ``previous`` is the close before the window."""
    asset, kind = tape.asset, tape.asset.type
    today = tape.hours.date(now_ms)
    factor = float(scale(tape, at.session.date, today))
    price = at.bar.close / factor
    before = at.before.close / float(scale(tape, at.before.date, today)) if at.before else price
    change = round(100 * (price - before) / before, 4)
    high, low = at.bar.high / factor, at.bar.low / factor
    year_high, year_low = _year(tape, at, today, high, low)
    block: dict[str, Any] = _head(tape, at, now_ms)
    block |= {
        "regularMarketPrice": neat(price, asset),
        "regularMarketChangePercent": change,
        "fulldayPrice": neat(price, asset),
        "fulldayChange": neat(price - before, asset) if price != before else 0.0,
        "fulldayChangePercent": change,
        "fiftyTwoWeekHigh": neat(year_high, asset),
        "fiftyTwoWeekLow": neat(year_low, asset),
        "regularMarketDayHigh": neat(high, asset),
        "regularMarketDayLow": neat(low, asset),
    }
    if kind != "fund":
        block["regularMarketVolume"] = round((at.bar.volume or 0.0) * factor)
    if kind != "commodity":
        block["longName"] = asset.name
    block["shortName"] = asset.name
    if previous is not None:
        block["chartPreviousClose"] = neat(previous, asset)
    block["priceHint"] = hint(price, asset)
    return block | _tail(tape, now_ms, range_, granularity, _FEW_RANGES if kind == "fund" else _RANGES)


def delisted_meta(tape: Tape, at: Moment, now_ms: int, granularity: str) -> dict[str, Any]:
    """What is left of a delisted symbol: no price, no currency, another exchange and zone (recorded: CAPIO.ST)."""
    head = _head(tape, at, now_ms)
    zone = dt.datetime.fromtimestamp(now_ms // 1000, _NEW_YORK)
    head |= {
        "currency": None, "exchangeName": "YHD", "fullExchangeName": "YHD", "instrumentType": "MUTUALFUND",
        "firstTradeDate": None, "hasPrePostMarketData": False, "gmtoffset": _offset(zone),
        "timezone": zone.tzname(), "exchangeTimezoneName": "America/New_York",
        "longName": tape.asset.name, "priceHint": 2,
    }  # fmt: skip
    return head | _tail(tape, now_ms, "", granularity, _FEW_RANGES)


def _head(tape: Tape, at: Moment, now_ms: int) -> dict[str, Any]:
    asset = tape.asset
    local = dt.datetime.fromtimestamp(now_ms // 1000, tape.hours.tz)
    return {
        "currency": asset.currency,
        "symbol": asset.provider_id,
        "exchangeName": asset.exchange,
        "fullExchangeName": _FULL.get(asset.exchange, asset.exchange),
        "instrumentType": _KINDS.get(asset.type, "EQUITY"),
        "firstTradeDate": tape.sessions(tape.first, tape.first)[0].open_ms // 1000,
        "regularMarketTime": at.time_ms // 1000,
        "hasPrePostMarketData": asset.exchange in _US and asset.type in ("stock", "etf"),
        "gmtoffset": _offset(local),
        "timezone": local.tzname(),
        "exchangeTimezoneName": tape.hours.zone,
    }


def _tail(tape: Tape, now_ms: int, range_: str, granularity: str, ranges: list[str]) -> dict[str, Any]:
    return {
        "currentTradingPeriod": _periods(tape, now_ms),
        "dataGranularity": granularity,
        "range": range_,
        "validRanges": ranges,
    }


def _periods(tape: Tape, now_ms: int) -> dict[str, Any]:
    """Today's session, or the next one; only US exchanges have something before and after it."""
    today = tape.hours.date(now_ms)
    ahead = tape.hours.sessions(today, today + dt.timedelta(days=14))
    session = ahead[0] if ahead else Session(today, now_ms, now_ms)
    start, end = session.open_ms // 1000, session.close_ms // 1000
    if tape.hours.round_the_clock:
        end = start + 86_340  # a minute to midnight, also on a Friday
    local = dt.datetime.fromtimestamp(start, tape.hours.tz)
    around = (5.5 * 3600, 4 * 3600) if tape.asset.exchange in _US else (0, 0)

    def period(first: float, last: float) -> dict[str, Any]:
        return {"timezone": local.tzname(), "start": int(first), "end": int(last), "gmtoffset": _offset(local)}

    return {
        "pre": period(start - around[0], start),
        "regular": period(start, end),
        "post": period(end, end + around[1]),
    }


def _year(tape: Tape, at: Moment, today: dt.date, high: float, low: float) -> tuple[float, float]:
    """A year's range, taken from five days of it: reading all 250 would cost a batch of 20 symbols 20 ms."""
    sample = []
    for weeks in (52, 39, 26, 13):
        day = at.session.date - dt.timedelta(weeks=weeks)
        sample += tape.sessions(day, day + dt.timedelta(days=6))[:1]
    for bar in tape.bars(sample):
        if bar:
            factor = float(scale(tape, bar.date, today))
            high = max(high, bar.high / factor * (1 + _SPREAD))
            low = min(low, bar.low / factor / (1 + _SPREAD))
    return high, low


def _offset(local: dt.datetime) -> int:
    offset = local.utcoffset()
    return int(offset.total_seconds()) if offset else 0
