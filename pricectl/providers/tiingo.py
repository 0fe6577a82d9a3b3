"""Tiingo: US shares and ETFs, for who has a token (the free one bears some 50 requests an hour).

Quotes are its own reference price from IEX; bars come as traded, beside adjusted ones that are not read, with each
day's split and dividend. So a request for bars runs to now: later splits are then known.
"""

import datetime as dt
import re
from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from pricectl.errors import (
    BadPayload,
    PricectlError,
    RateLimited,
    Refused,
    UnknownSymbol,
    UsageError,
)
from pricectl.model.bar import LIVE, Action, Bar, History
from pricectl.model.number import plain
from pricectl.model.quote import Miss, Quote
from pricectl.net import Http
from pricectl.net.host import Host, Request
from pricectl.net.reply import Reply
from pricectl.providers.reading import checked, flags, instant, number, promised, said

NAME = "tiingo"
AT_ONCE = 100  # tickers in one call, so that the address stays short
CONTROL = "AAPL"
MONEY = "USD"  # no answer names a currency; only US listings can be asked for here
HOST = Host(
    name=NAME,
    rate_per_s=40 / 3600,
    burst=10,
    at_once=2,
    headers=(("accept", "application/json"),),
    key=("authorization", "Token "),
)
_SYMBOL = re.compile(r"[A-Z][A-Z0-9]{0,9}(-[A-Z0-9]{1,4}){0,2}")
_NEW_YORK = ZoneInfo("America/New_York")
_CORRECTED_UNTIL = dt.time(20)  # exchanges send corrections of a day until then, in New York


def ask_quotes(tickers: Sequence[str]) -> Request:
    """The request for the current prices of some shares, and always of one that certainly exists."""
    return Request("/iex/", (("tickers", ",".join(sorted({*tickers, CONTROL}))),))


def ask_days(ticker: str, start: dt.date) -> Request:
    """The request for all days from ``start`` to now."""
    return Request(f"/tiingo/daily/{ticker}/prices", (("startDate", str(start)), ("format", "json")))


def _rows(reply: Reply) -> list[Any]:
    """The rows of a good answer. Raises UnknownSymbol, RateLimited, Refused, BadPayload."""
    body = reply.json()
    if reply.status == 200 and isinstance(body, list):
        return body
    with promised(NAME, "error"):
        text = said(body["detail"])
    if reply.status == 404:
        raise UnknownSymbol(f"tiingo does not know the ticker ({text})", "check the spelling", NAME)
    if "allocation" in text:  # "You have run over your hourly request allocation"
        raise RateLimited(f"tiingo: {text}", "", NAME)
    raise Refused(f"tiingo refuses the request: {text}", "", NAME)


def read_quotes(reply: Reply) -> dict[str, Quote | PricectlError]:
    """The current prices by ticker; what Tiingo does not know it leaves out. Raises as above, BadPayload also where it
    does not know what certainly exists: then nothing may be called unknown."""
    rows = _rows(reply)
    with promised(NAME, "prices"):
        if all(row["ticker"].upper() != CONTROL for row in rows):
            raise ValueError(f"{CONTROL} is not among them: an outage")
        return {row["ticker"].upper(): _quote(row["ticker"].upper(), row, reply) for row in rows}


def _quote(ticker: str, row: dict[str, Any], reply: Reply) -> Quote | PricectlError:
    try:
        with promised(NAME, f"price of {ticker}"):
            last = number(row["tngoLast"])
            if not last:
                return UnknownSymbol(f"tiingo has no price of {ticker}: it is not traded", "check the symbol", NAME)
            if last < 0:
                raise ValueError(f"the price is {last}")
            at = _instant(row["timestamp"])
            change = None
            if before := number(row.get("prevClose")):
                percent = (Decimal(plain(row["tngoLast"])) / Decimal(plain(row["prevClose"])) - 1) * 100
                change = plain(percent.quantize(Decimal("0.001"))) if before > 0 else None
            price = plain(row["tngoLast"])
            updated_ms = instant(int(at.timestamp() * 1000), reply, NAME)
            return Quote(NAME, ticker, price, MONEY, change, updated_ms, reply.received_ms)
    except BadPayload as error:
        return error


def read_days(reply: Reply, start: dt.date, end: dt.date) -> History:
    """The days from ``start`` to ``end`` as traded, and all splits and dividends since ``start``. Raises as above.

    A day that may still be corrected this evening is LIVE.
    """
    rows = _rows(reply)
    now = dt.datetime.fromtimestamp(reply.server_ms // 1000, _NEW_YORK)
    with promised(NAME, "days"):
        bars: dict[dt.date, Bar] = {}
        actions: list[Action] = []
        for row in rows:
            day = session_date(row["date"])
            factor, paid = number(row.get("splitFactor")), number(row.get("divCash"))
            if factor is not None and factor <= 0:
                raise ValueError(f"a split of {factor} on {day}")
            if factor and factor != 1.0:
                actions.append(Action(day, "split", factor))
            if paid:
                actions.append(Action(day, "dividend", paid, MONEY))
            opened, high, low, close, volume = (number(row[key]) for key in ("open", "high", "low", "close", "volume"))
            if opened is None or high is None or low is None or close is None or not start <= day <= end:
                continue
            moving = day == now.date() and now.time() < _CORRECTED_UNTIL
            marks = flags(opened, high, low, close) | (LIVE if moving else 0)
            bars[day] = Bar(day, opened, high, low, close, volume, marks)
        since = sorted(action for action in actions if action.ex_date >= start)
        return History(MONEY, [bars[day] for day in sorted(bars)], since, True, reply.server_ms)


def session_date(text: str) -> dt.date:
    """The date of a row: ``2018-04-12T00:00:00+00:00`` and ``2015-01-02T00:00:00.000Z`` both occur."""
    return _instant(text).date()


def _instant(text: str) -> dt.datetime:
    at = dt.datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{said(text)} is in no time zone")
    return at


class Tiingo:
    """US shares and ETFs in dollars, for who has a token."""

    host = HOST

    def check_id(self, provider_id: str) -> str:
        ticker = provider_id.upper() if provider_id.isascii() else provider_id
        if not _SYMBOL.fullmatch(ticker):
            raise UsageError(f"{said(provider_id)[:40]!r} is no ticker of Tiingo", "write it as AAPL or BRK-B")
        return ticker

    def plan(self, ids: Sequence[str]) -> list[tuple[str, ...]]:
        unique = list(dict.fromkeys(ids))
        return [tuple(unique[at : at + AT_ONCE]) for at in range(0, len(unique), AT_ONCE)]

    async def quotes(self, http: Http, ids: tuple[str, ...]) -> list[Quote | Miss]:
        tickers, refused = checked(self.check_id, ids)
        found: dict[str, Quote | PricectlError] = {}
        if tickers:
            found = await http.ask(HOST, ask_quotes(list(tickers.values())), read_quotes)
        return [refused.get(one) or _outcome(one, found.get(tickers[one])) for one in ids]

    async def history(self, http: Http, provider_id: str, start: dt.date, end: dt.date) -> History:
        ticker = self.check_id(provider_id)
        try:
            return await http.ask(HOST, ask_days(ticker, start), partial(read_days, start=start, end=end))
        except UnknownSymbol:
            if ticker not in await http.ask(HOST, ask_quotes([ticker]), read_quotes):
                raise _unknown(ticker) from None
            raise BadPayload(f"tiingo has a price of {ticker} and no days", "try again later", NAME) from None


def _unknown(ticker: str) -> UnknownSymbol:
    return UnknownSymbol(f"tiingo does not know {said(ticker)}", "check the spelling", NAME)


def _outcome(asked: str, outcome: Quote | PricectlError | None) -> Quote | Miss:
    if isinstance(outcome, Quote):
        return outcome._replace(provider_id=asked)
    return Miss(asked, outcome or _unknown(asked))
