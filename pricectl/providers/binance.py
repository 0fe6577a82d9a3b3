"""Binance spot: crypto pairs, priced in their quote asset (USDT is not USD).

One 24hr call answers up to 20 named pairs (weight 2) or all pairs there are (weight 80 of 6000 a minute). One
unknown pair fails a named call whole, without saying which; then all are asked for and the bad one is who is
missing. The all-pairs call is not narrowed to those trading now: a pair halted for an hour still has a price, and
in a halt of the whole exchange nothing would be left.
"""

import datetime as dt
import json
import re
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from pricectl.errors import BadPayload, PricectlError, ProviderError, Refused, Transient, UnknownSymbol, UsageError
from pricectl.model.bar import LIVE, Bar, History
from pricectl.model.number import plain
from pricectl.model.quote import Miss, Quote
from pricectl.net import Http
from pricectl.net.host import Host, Request
from pricectl.net.reply import Reply
from pricectl.providers.reading import checked, currency, decimal, flags, instant, promised, said

NAME = "binance"
AT_ONCE = 20  # pairs in one named call; 21 to 100 would weigh 40, all there are 80
NAMED_MAX = 100  # pairs in one address; about 1000 were refused without a word
PAGE = 1000  # candles in one answer
HOST = Host(
    name=NAME,
    # 6000 a minute are allowed. With candles at weight 2 this stays under 1000 requests in any minute.
    rate_per_s=24.0,
    burst=200,
    at_once=8,
    headers=(("accept", "application/json"),),
    used_weight_header="x-mbx-used-weight-1m",
    weight_per_minute=6000,
)
_DAY_MS = 86_400_000
_EPOCH = dt.date(1970, 1, 1)
_SYMBOL = re.compile(r"[A-Z0-9._-]{1,20}")
_TRANSIENT = frozenset({-1001, -1007, -1008})
_INVALID_SYMBOL = -1121
_ILLEGAL_CHARACTERS = -1100
# The assets that others are priced in. A pair that ends with exactly one of them is priced in it; for any other
# pair exchangeInfo is asked, because cutting BTCAEUR at EUR would be a guess.
# fmt: off
QUOTE_ASSETS = (
    "AEUR", "ARS", "AUD", "BIDR", "BNB", "BRL", "BTC", "BUSD", "COP", "CZK", "DAI", "DOGE", "ETH", "EUR", "EURI",
    "FDUSD", "GBP", "IDRT", "JPY", "MXN", "NGN", "PAX", "PLN", "RON", "RUB", "SOL", "TRX", "TRY", "TUSD", "UAH", "USD1",
    "USDC", "USDP", "USDS", "USDT", "VAI", "XRP", "ZAR",
)
# fmt: on


def ask_tickers(symbols: Sequence[str]) -> Request:
    """The request for the last 24 hours of up to 20 pairs; of all pairs if none is named."""
    if not symbols:
        return Request("/api/v3/ticker/24hr", weight=80)
    return Request("/api/v3/ticker/24hr", (("symbols", _json_list(symbols)),), weight=2)


def ask_quote_assets(symbols: Sequence[str]) -> Request:
    """The request for what some pairs are made of; of all pairs where their names would make too long an address."""
    named = (("symbols", _json_list(symbols)),) if len(symbols) <= NAMED_MAX else ()
    return Request("/api/v3/exchangeInfo", (*named, ("showPermissionSets", "false")), weight=20)


def ask_candles(symbol: str, start_ms: int, end_ms: int) -> Request:
    """The request for daily candles that open between the two instants, oldest first. Both must be midnights UTC, or
    follow one: from inside a day Binance begins with the next one. No timeZone: days are UTC."""
    return Request(
        "/api/v3/klines",
        (
            ("symbol", symbol),
            ("interval", "1d"),  # case matters: 1m is a minute, 1M a month
            ("startTime", str(start_ms)),
            ("endTime", str(end_ms)),
            ("limit", str(PAGE)),
        ),
        weight=2,
    )


def _json_list(symbols: Sequence[str]) -> str:
    # A space or an escape in the list is answered with -1100.
    return json.dumps(list(symbols), separators=(",", ":"), ensure_ascii=False)


def _body(reply: Reply) -> Any:
    """The JSON of a good answer. Raises what an error's code stands for: codes are universal, words vary."""
    body = reply.json()
    if not (isinstance(body, dict) and "code" in body and "msg" in body):
        return body
    code, text = body["code"], said(body["msg"])
    if code == _INVALID_SYMBOL or (code == _ILLEGAL_CHARACTERS and "symbol" in text):
        raise UnknownSymbol("binance does not know the symbol", "check the spelling", NAME)
    if code in _TRANSIENT:
        raise Transient(f"binance: {text} ({code})", "try again later", NAME)
    raise Refused(f"binance refuses the request: {text} ({code})", "", NAME)


def read_tickers(reply: Reply, wanted: frozenset[str]) -> dict[str, Quote | PricectlError]:
    """What the answer holds of ``wanted``; the quotes have no currency yet, which a ticker does not name.

    Delisted pairs stay in the list with zeros in place of prices: they have no price. Raises UnknownSymbol if the
    answer says that one of the symbols does not exist (not which), and Transient, Refused, BadPayload.
    """
    body = _body(reply)
    with promised(NAME, "24hr ticker"):
        items = body if isinstance(body, list) else [body]
        if not items:
            raise ValueError("no pair is listed")
        return {item["symbol"]: _quote(item, reply) for item in items if item["symbol"] in wanted}


def _quote(item: dict[str, Any], reply: Reply) -> Quote | PricectlError:
    symbol = item["symbol"]
    try:
        with promised(NAME, f"ticker of {symbol}"):
            price = plain(item["lastPrice"])
            if price == "0" or item.get("count") == 0 or item.get("firstId") == -1:
                return UnknownSymbol(f"binance has no price of {symbol}: it is not traded", "check the symbol", NAME)
            if price.startswith("-"):
                raise ValueError(f"the price is {price}")
            change = item.get("priceChangePercent")
            # Without a time of its own the answer is as old as its Date header.
            updated_ms = instant(int(item.get("closeTime") or reply.server_ms), reply, NAME)
            percent = None if change is None else plain(change)
            return Quote(NAME, symbol, price, "", percent, updated_ms, reply.received_ms)
    except BadPayload as error:
        return error


def read_quote_assets(reply: Reply) -> dict[str, str]:
    """The quote asset of each pair in an exchangeInfo answer. Raises as ``read_tickers``."""
    body = _body(reply)
    with promised(NAME, "exchangeInfo"):
        return {item["symbol"]: currency(item["quoteAsset"]) for item in body["symbols"]}


def quote_asset(symbol: str) -> str | None:
    """The asset that ``symbol`` is priced in, where its name leaves no doubt; None where Binance must be asked."""
    fitting = [asset for asset in QUOTE_ASSETS if symbol.endswith(asset) and symbol != asset]
    return fitting[0] if len(fitting) == 1 else None


class Page(NamedTuple):
    """One answer's candles; ``last_open_ms`` is where the next page goes on, None if this was the last."""

    bars: list[Bar]
    last_open_ms: int | None
    server_ms: int


def read_candles(reply: Reply, since_ms: int) -> Page:
    """Daily candles that opened at or after ``since_ms``; one that closes at or after Binance's own time is LIVE.

    A missing day stays missing. Raises as ``read_tickers``; BadPayload also for candles that are not of days.
    """
    rows = _body(reply)
    with promised(NAME, "candles"):
        bars: list[Bar] = []
        for opened_ms, *texts, closed_ms in (row[:7] for row in rows):
            opened, high, low, close, volume = (decimal(text) for text in texts)
            day = _EPOCH + dt.timedelta(days=opened_ms // _DAY_MS)
            if opened_ms < since_ms or (bars and day <= bars[-1].date):
                raise ValueError(f"a candle of {day} came where a later day was due")
            marks = flags(opened, high, low, close) | (LIVE if closed_ms >= reply.server_ms else 0)
            bars.append(Bar(day, opened, high, low, close, volume, marks))
        return Page(bars, rows[-1][0] if len(rows) == PAGE else None, reply.server_ms)


class Binance:
    """Binance spot. Prices in the pair's quote asset, volumes in its base asset, days in UTC."""

    host = HOST

    def check_id(self, provider_id: str) -> str:
        symbol = "".join(c.upper() if c.isascii() else c for c in provider_id)
        # Names beyond ASCII exist since December 2025; they go out as they are, in UTF-8.
        if not _SYMBOL.fullmatch("".join("X" if not c.isascii() and c.isalnum() else c for c in symbol)):
            raise UsageError(f"{said(provider_id)[:40]!r} is no Binance symbol", "write it as BTCUSDT")
        return symbol

    def plan(self, ids: Sequence[str]) -> list[tuple[str, ...]]:
        unique = tuple(dict.fromkeys(ids))
        return [unique] if unique else []

    async def quotes(self, http: Http, ids: tuple[str, ...]) -> list[Quote | Miss]:
        symbols, refused = checked(self.check_id, ids)
        found: dict[str, Quote | PricectlError] = {}
        if symbols:
            found = await self._tickers(http, frozenset(symbols.values()))
            await self._add_currencies(http, found)
        return [refused.get(one) or _outcome(one, found.get(symbols[one])) for one in ids]

    async def _tickers(self, http: Http, wanted: frozenset[str]) -> dict[str, Quote | PricectlError]:
        read = partial(read_tickers, wanted=wanted)
        if len(wanted) <= AT_ONCE:
            try:
                return await http.ask(HOST, ask_tickers(sorted(wanted)), read)
            except UnknownSymbol:
                if len(wanted) == 1:
                    return {}
        return await http.ask(HOST, ask_tickers(()), read)

    async def _add_currencies(self, http: Http, found: dict[str, Quote | PricectlError]) -> None:
        """Fill in what the quotes in ``found`` are priced in; one without a currency is no quote."""
        unsure = [symbol for symbol, quote in found.items() if isinstance(quote, Quote) and not quote_asset(symbol)]
        assets: dict[str, str] = {}
        problem: PricectlError = BadPayload("binance does not say what the pair is priced in", "", NAME)
        if unsure:
            try:
                assets = await http.ask(HOST, ask_quote_assets(unsure), read_quote_assets)
            except ProviderError as error:
                problem = error
        for symbol, quote in found.items():
            if isinstance(quote, Quote):
                money = quote_asset(symbol) or assets.get(symbol)
                found[symbol] = quote._replace(currency=money) if money else problem

    async def history(self, http: Http, provider_id: str, start: dt.date, end: dt.date) -> History:
        symbol = self.check_id(provider_id)
        at_ms: int | None = max((start - _EPOCH).days, 0) * _DAY_MS  # Binance refuses a negative time
        last_ms = max((end - _EPOCH).days, 0) * _DAY_MS
        bars: list[Bar] = []
        server_ms = 0
        try:
            while at_ms is not None and at_ms <= last_ms:
                request = ask_candles(symbol, at_ms, last_ms + _DAY_MS - 1)
                page = await http.ask(HOST, request, partial(read_candles, since_ms=at_ms))
                bars += page.bars
                server_ms = page.server_ms
                at_ms = None if page.last_open_ms is None else page.last_open_ms + 1
            money = quote_asset(symbol)
            if bars and not money:
                money = (await http.ask(HOST, ask_quote_assets([symbol]), read_quote_assets))[symbol]
        except UnknownSymbol:
            raise UnknownSymbol(f"binance does not know {symbol}", "check the spelling", NAME) from None
        inside = [bar for bar in bars if start <= bar.date <= end]
        # Nothing on Binance is split, so its prices are always as traded.
        return History(money or "", inside, [], True, server_ms)


def _outcome(asked: str, outcome: Quote | PricectlError | None) -> Quote | Miss:
    if isinstance(outcome, Quote):
        return outcome._replace(provider_id=asked)
    unknown = UnknownSymbol(f"binance does not know {said(asked)}", "check the spelling", NAME)
    return Miss(asked, outcome or unknown)
