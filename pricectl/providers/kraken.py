"""Kraken: crypto pairs, priced in their quote asset, in Kraken's own spelling (bitcoin is XBT, also as a quote asset).

Errors come with HTTP 200. An answer is keyed by a name that may differ from the one asked (XBTUSD is answered under
XXBTZUSD), and one unknown pair fails a call for many whole: then the list of all pairs tells which. A ticker has no
time of its own, and its ``o`` is today's open, so there is no change over 24 hours. Candles reach back 720 days,
whatever is asked.
"""

import datetime as dt
import re
from collections.abc import Sequence
from functools import partial
from typing import Any

from pricectl.errors import (
    BadPayload,
    PricectlError,
    ProviderError,
    RateLimited,
    Refused,
    Transient,
    UnknownSymbol,
    UsageError,
)
from pricectl.model.bar import LIVE, Bar, History
from pricectl.model.number import plain
from pricectl.model.quote import Miss, Quote
from pricectl.net import Http
from pricectl.net.host import Host, Request
from pricectl.net.reply import Reply
from pricectl.providers.reading import checked, currency, decimal, flags, promised, said

NAME = "kraken"
AT_ONCE = 40  # pairs in one call, so that the address stays short
CONTROL = "XBTUSD"
CANDLES = 720  # closed ones in an answer; the open one comes on top
# About one call a second is borne without a key.
HOST = Host(name=NAME, rate_per_s=1.0, burst=15, at_once=2, headers=(("accept", "application/json"),))
_DAY_S = 86_400
_EPOCH = dt.date(1970, 1, 1)
_SYMBOL = re.compile(r"[A-Z0-9.]{4,20}")
# A pair whose name ends with exactly one of these is priced in it; for any other the list of pairs is asked.
QUOTE_ASSETS = (
    "AUD", "CAD", "CHF", "DAI", "ETH", "EUR", "EURC", "EURQ", "EURR", "GBP", "JPY", "PYUSD", "RLUSD", "USD", "USD1",
    "USDC", "USDG", "USDQ", "USDR", "USDT", "XBT",
)  # fmt: skip


def ask_tickers(symbols: Sequence[str]) -> Request:
    """The request for the tickers of up to 40 pairs."""
    return Request("/0/public/Ticker", (("pair", ",".join(symbols)),))


def ask_pairs() -> Request:
    """The request for all pairs there are."""
    return Request("/0/public/AssetPairs")


def ask_candles(symbol: str, start: dt.date) -> Request:
    """The request for the daily candles from ``start`` to now, the open one included."""
    since = max((start - _EPOCH).days, 0) * _DAY_S - 1
    return Request("/0/public/OHLC", (("pair", symbol), ("interval", "1440"), ("since", str(max(since, 0)))))


def _result(reply: Reply) -> Any:
    """The result of a good answer. Raises what the first error means; a warning (W...) beside a result is none."""
    body = reply.json()
    with promised(NAME, "answer"):
        errors = [said(error) for error in body["error"] if not said(error).startswith("W")]
        if not errors:
            return body["result"]
    text = errors[0]
    if text.startswith("EQuery:Unknown"):
        raise UnknownSymbol("kraken does not know the pair", "check the spelling", NAME)
    if "Rate limit" in text or "Too many requests" in text or "lockout" in text:
        raise RateLimited(f"kraken: {text}", "", NAME)
    if text.startswith(("EService:", "EGeneral:Internal")):
        raise Transient(f"kraken: {text}", "try again later", NAME)
    raise Refused(f"kraken refuses the request: {text}", "", NAME)


def read_tickers(reply: Reply, wanted: Sequence[str]) -> dict[str, Quote | PricectlError]:
    """What the answer holds of ``wanted``, by the names asked; the currency is empty where the name leaves a doubt.

    Raises UnknownSymbol if one of them does not exist (not which), and Transient, RateLimited, Refused, BadPayload.
    """
    result = _result(reply)
    with promised(NAME, "ticker"):
        return {symbol: _quote(symbol, result[key], reply) for symbol, key in _keys(result, wanted).items()}


def _keys(result: dict[str, Any], wanted: Sequence[str]) -> dict[str, str]:
    """Under which key of the answer each pair stands: an old one carries X or Z before either of its assets."""
    if len(wanted) == len(result) == 1:
        return {wanted[0]: next(iter(result))}
    found = {symbol: symbol for symbol in wanted if symbol in result}
    for symbol in wanted:
        money = quote_asset(symbol) or symbol[-3:]
        base = symbol.removesuffix(money)
        for key in (before + base + between + money for before in ("", "X", "Z") for between in ("", "X", "Z")):
            if key in result and key not in found.values():
                found.setdefault(symbol, key)
    return found


def _quote(symbol: str, item: dict[str, Any], reply: Reply) -> Quote | PricectlError:
    try:
        with promised(NAME, f"ticker of {symbol}"):
            price = plain(item["c"][0])
            if price.startswith("-"):
                raise ValueError(f"the price is {price}")
            if price == "0":
                return UnknownSymbol(f"kraken has no price of {symbol}: it is not traded", "check the symbol", NAME)
            return Quote(NAME, symbol, price, quote_asset(symbol) or "", None, reply.server_ms, reply.received_ms)
    except BadPayload as error:
        return error


def read_pairs(reply: Reply) -> dict[str, str]:
    """The quote asset of every pair. Raises as ``read_tickers``."""
    result = _result(reply)
    with promised(NAME, "list of pairs"):
        named = [(item["altname"], item["wsname"]) for item in result.values() if item.get("wsname")]
        return {symbol: currency(shown.partition("/")[2]) for symbol, shown in named}


def quote_asset(symbol: str) -> str | None:
    """The asset that ``symbol`` is priced in, where its name leaves no doubt; None where Kraken must be asked."""
    fitting = [asset for asset in QUOTE_ASSETS if symbol.endswith(asset) and symbol != asset]
    return fitting[0] if len(fitting) == 1 else None


def read_candles(reply: Reply, start: dt.date, end: dt.date) -> History:
    """The daily candles from ``start`` to ``end``, without a currency; those that opened after ``last`` are LIVE.

    Where ``start`` lies before the 720 days that are given, ``earliest`` says where the answer begins. Raises as
    ``read_tickers``.
    """
    result = _result(reply)
    with promised(NAME, "candles"):
        last_closed = int(result["last"])
        ((_, rows),) = [(key, rows) for key, rows in result.items() if key != "last"]
        bars: list[Bar] = []
        for opened_s, *texts, _, volume, _ in (row[:8] for row in rows):
            opened, high, low, close = (decimal(text) for text in texts)
            day = _EPOCH + dt.timedelta(days=opened_s // _DAY_S)
            if opened_s % _DAY_S or (bars and day <= bars[-1].date):
                raise ValueError(f"a candle of {opened_s} is not the next day's")
            marks = flags(opened, high, low, close) | (LIVE if opened_s > last_closed else 0)
            bars.append(Bar(day, opened, high, low, close, decimal(volume), marks))
        cut = len(bars) >= CANDLES and bars[0].date > start
        inside = [bar for bar in bars if start <= bar.date <= end]
        return History("", inside, [], True, reply.server_ms, None, bars[0].date if cut else None)


class Kraken:
    """Kraken spot. Prices in the pair's quote asset, volumes in its base asset, days in UTC."""

    host = HOST

    def check_id(self, provider_id: str) -> str:
        symbol = provider_id.upper() if provider_id.isascii() else provider_id
        if not _SYMBOL.fullmatch(symbol):
            raise UsageError(f"{said(provider_id)[:40]!r} is no pair of Kraken", "write it as XBTUSD")
        return symbol

    def plan(self, ids: Sequence[str]) -> list[tuple[str, ...]]:
        unique = list(dict.fromkeys(ids))
        return [tuple(unique[at : at + AT_ONCE]) for at in range(0, len(unique), AT_ONCE)]

    async def quotes(self, http: Http, ids: tuple[str, ...]) -> list[Quote | Miss]:
        symbols, refused = checked(self.check_id, ids)
        wanted = list(dict.fromkeys(symbols.values()))
        found = await self._tickers(http, wanted) if wanted else {}
        return [refused.get(one) or _outcome(one, found.get(symbols[one])) for one in ids]

    async def _tickers(self, http: Http, wanted: list[str]) -> dict[str, Quote | PricectlError]:
        pairs: dict[str, str] = {}
        try:
            found = await http.ask(HOST, ask_tickers(wanted), partial(read_tickers, wanted=wanted))
        except UnknownSymbol:
            pairs = await self._pairs(http)
            known = [symbol for symbol in wanted if symbol in pairs]
            found = await http.ask(HOST, ask_tickers(known), partial(read_tickers, wanted=known)) if known else {}
        problem: PricectlError = BadPayload("kraken does not say what the pair is priced in", "", NAME)
        if not pairs and any(isinstance(one, Quote) and not one.currency for one in found.values()):
            try:
                pairs = await self._pairs(http)
            except ProviderError as error:
                problem = error
        for symbol, quote in found.items():
            if isinstance(quote, Quote):
                money = quote.currency or pairs.get(symbol)
                found[symbol] = quote._replace(currency=money) if money else problem
        return found

    async def _pairs(self, http: Http) -> dict[str, str]:
        """The quote asset of every pair. Raises ProviderError, Transient where even what certainly exists is not
        listed: then nothing may be called unknown."""
        pairs = await http.ask(HOST, ask_pairs(), read_pairs)
        if CONTROL not in pairs:
            raise Transient("kraken answers, but lists no pairs: an outage", "try again later", NAME)
        return pairs

    async def history(self, http: Http, provider_id: str, start: dt.date, end: dt.date) -> History:
        symbol = self.check_id(provider_id)
        try:
            read = partial(read_candles, start=start, end=end)
            found = await http.ask(HOST, ask_candles(symbol, start), read)
        except UnknownSymbol:
            await self._pairs(http)
            raise UnknownSymbol(f"kraken does not know {symbol}", "check the spelling", NAME) from None
        money = quote_asset(symbol) or (await self._pairs(http)).get(symbol, "")
        if not money:
            raise BadPayload(f"kraken does not say what {symbol} is priced in", "", NAME)
        return found._replace(currency=money)


def _outcome(asked: str, outcome: Quote | PricectlError | None) -> Quote | Miss:
    if isinstance(outcome, Quote):
        return outcome._replace(provider_id=asked)
    unknown = UnknownSymbol(f"kraken does not know {said(asked)}", "check the spelling", NAME)
    return Miss(asked, outcome or unknown)
