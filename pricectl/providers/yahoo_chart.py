"""Yahoo's v8 chart: daily bars and corporate actions of one symbol, read and turned back to what was traded.

Facts, seen in recorded answers: prices and volumes are adjusted for every split up to the day of the request, but
only the splits inside the asked window are listed; so every request runs to the end of time, and the rows past the
asked dates serve for their events. Numbers are float32 widened to float64. Stamps are the session's open, except
that of the last row: the time of the last trade.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pricectl.errors import BadPayload, Refused, UnknownSymbol
from pricectl.model.adjust import factor_spans, span_on, to_paid, to_traded, to_traded_volume
from pricectl.model.bar import LIVE, SUSPECT, Action, Bar, History
from pricectl.net.host import Request
from pricectl.net.reply import Reply
from pricectl.providers.reading import currency, flags, number, promised, said

NAME = "yahoo"
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_DAY = dt.timedelta(days=1)
_EARLIEST = dt.date(1900, 1, 1)  # the oldest bars that Yahoo has are of 1927
# Past every clock: an answer up to "now" by a clock that is slow would lack the newest splits.
_END_OF_TIME = "9999999999"
# Yahoo sends 0 where it has no volume to report; 0 shares of a stock on a day is a fact.
_WITHOUT_VOLUME = frozenset({"CURRENCY", "MUTUALFUND", "INDEX"})
_STALE_END = dt.timedelta(days=10)


def ask_chart(symbol: str, start: dt.date) -> Request:
    """The request for all daily bars of ``symbol`` from a day before ``start`` (zones reach 14 h ahead) to now."""
    period1 = ((max(start, _EARLIEST) - _EPOCH.date()).days - 1) * 86_400
    return Request(
        f"/v8/finance/chart/{quote(symbol, safe='')}",
        (
            ("period1", str(period1)),
            ("period2", _END_OF_TIME),
            ("interval", "1d"),
            ("events", "div,splits,capitalGains"),
        ),
    )


def read_chart(reply: Reply, symbol: str, start: dt.date, end: dt.date) -> History:
    """The bars from ``start`` to ``end`` and all actions since ``start``, as traded if the answer reaches now.

    An answer that ends long before the last trade that it names hides later splits: its prices stay as they are
    and ``reaches_now`` is false. Raises UnknownSymbol, Refused, BadPayload.
    """
    # adjclose, which is not read, may hold Infinity.
    body = reply.json(constants="null")
    with promised(NAME, "chart"):
        chart = body["chart"]
        if chart["error"] is not None:
            return _no_chart(chart["error"], reply, symbol)
        result = chart["result"][0]
        meta = result["meta"]
        if meta["dataGranularity"] != "1d":
            raise ValueError(f"days were asked for, {said(meta['dataGranularity'])} came")
        money = currency(meta["currency"])
        born = number(meta.get("firstTradeDate"))
        zone = _zone(meta)
        rows = sorted(_rows(result, meta, zone, start, end), key=lambda row: row[0])
        if rows and not money:
            raise ValueError(f"{symbol} has prices but no currency")
        # The later row of a day replaces the earlier one: Yahoo may add its live row beside the day's own.
        bars = sorted({bar.date: bar for _, bar in rows}.values())
        today = _local(reply.server_ms // 1000, zone).date()
        actions = [one for one in _actions(result.get("events") or {}, zone) if start <= one.ex_date <= today]
        reaches_now = _reaches_now(result, meta, zone)
        if reaches_now:
            bars, actions = _as_traded(bars, actions)
        first_trade = None if born is None else _session_date(int(born), zone)
    return History(money, bars, actions, reaches_now, reply.server_ms, first_trade)


def _no_chart(error: dict[str, Any], reply: Reply, symbol: str) -> History:
    code, text = said(error["code"]), said(error.get("description", ""))
    if code == "Not Found":
        raise UnknownSymbol(f"yahoo does not know {symbol} ({text})", "check the spelling", NAME)
    if text.startswith("Data doesn't exist"):
        # The window ran from the start to now, so it holds no splits either.
        return History("", [], [], True, reply.server_ms)
    raise Refused(f"yahoo refuses the request for {symbol}: {text or code}", "", NAME)


def _zone(meta: dict[str, Any]) -> ZoneInfo:
    try:
        return ZoneInfo(meta["exchangeTimezoneName"])
    except (ZoneInfoNotFoundError, OSError) as error:
        raise BadPayload(
            f"the time zone {said(meta['exchangeTimezoneName'])!r} that yahoo names is not known here",
            "install the system's time zone data (or the Python package tzdata)",
            NAME,
        ) from error


def _local(stamp: int, zone: ZoneInfo) -> dt.datetime:
    # Not fromtimestamp, which fails before 1970 on some systems.
    return (_EPOCH + dt.timedelta(seconds=stamp)).astimezone(zone)


def _session_date(stamp: int, zone: ZoneInfo) -> dt.date:
    """The local date of a session's stamp. Around changes of daylight saving Yahoo stamps some zones with 22:00 or
    23:00 of the day before instead of midnight (seen for Sao Paulo in 2022)."""
    local = _local(stamp, zone)
    early = local.hour >= 22 and local.minute == local.second == 0
    return local.date() + _DAY if early else local.date()


def _rows(
    result: dict[str, Any], meta: dict[str, Any], zone: ZoneInfo, start: dt.date, end: dt.date
) -> Iterator[tuple[int, Bar]]:
    """The rows from ``start`` to ``end`` that have all four prices, with their stamps, on Yahoo's adjusted scale."""
    stamps = result.get("timestamp") or []
    if not stamps:
        return
    columns = result["indicators"]["quote"][0]
    prices_of = [columns[name] for name in ("open", "high", "low", "close")]
    volumes = columns.get("volume") or [None] * len(stamps)
    silent = meta.get("instrumentType") in _WITHOUT_VOLUME
    last_trade = meta.get("regularMarketTime")
    newest = max(stamps)
    for stamp, *prices, volume in zip(stamps, *prices_of, volumes, strict=True):
        live = stamp == newest == last_trade
        day = _local(stamp, zone).date() if live else _session_date(stamp, zone)
        if not start <= day <= end:
            continue
        opened, high, low, close = (number(price) for price in prices)
        if opened is None or high is None or low is None or close is None:
            continue
        marks = flags(opened, high, low, close) | (LIVE if live else 0)
        shares = number(volume)
        if shares is not None and shares < 0:
            shares, marks = None, marks | SUSPECT
        yield stamp, Bar(day, opened, high, low, close, None if silent and not shares else shares, marks)


def _actions(events: dict[str, Any], zone: ZoneInfo) -> list[Action]:
    """Splits, dividends and gains by their own dates; the keys are the dates of buckets, not of the events."""
    actions = set()
    for event in (events.get("splits") or {}).values():
        new, old = number(event["numerator"]), number(event["denominator"])
        if not new or not old or new < 0 or old < 0:
            raise ValueError("a split without a ratio: the scale of all earlier prices is unknown")
        actions.add(Action(_session_date(event["date"], zone), "split", new / old))
    for kind, name in (("dividend", "dividends"), ("gain", "capitalGains")):
        for event in (events.get(name) or {}).values():
            amount = number(event["amount"])
            if amount:
                day = _session_date(event["date"], zone)
                actions.add(Action(day, kind, amount, currency(event.get("currency"))))
    return sorted(actions)


def _reaches_now(result: dict[str, Any], meta: dict[str, Any], zone: ZoneInfo) -> bool:
    stamps, last_trade = result.get("timestamp"), number(meta.get("regularMarketTime"))
    if not stamps or last_trade is None:
        return True
    return _local(int(last_trade), zone) - _local(max(stamps), zone) < _STALE_END


def _as_traded(bars: list[Bar], actions: list[Action]) -> tuple[list[Bar], list[Action]]:
    spans = factor_spans(actions, "split")
    traded = []
    for bar in bars:
        factor = span_on(spans, bar.date).price_factor
        opened, high, low, close = (to_traded(price, factor) for price in bar[1:5])
        volume = None if bar.volume is None else to_traded_volume(bar.volume, factor)
        traded.append(Bar(bar.date, opened, high, low, close, volume, bar.flags))
    paid = [
        action
        if action.kind == "split"
        else action._replace(value=to_paid(action.value, span_on(spans, action.ex_date).price_factor))
        for action in actions
    ]
    return traded, paid
