"""Yahoo Finance: shares, funds, indices, currencies, futures. No contract and no documented limit.

Quotes come from v7 spark (20 symbols a call, no cookie, no crumb), history from v8 chart. Both leave out what they
do not know, and in an outage that is everything (seen in August 2026): so before a symbol is called unknown, one
that certainly exists is asked for.
"""

import datetime as dt
import re
from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from pricectl.errors import BadPayload, PricectlError, ProviderError, Refused, Transient, UnknownSymbol, UsageError
from pricectl.model.bar import History
from pricectl.model.number import denoised, plain
from pricectl.model.quote import Miss, Quote
from pricectl.net import Http
from pricectl.net.host import Host, Request
from pricectl.net.reply import Reply
from pricectl.providers.reading import checked, currency, instant, number, promised, said
from pricectl.providers.yahoo_chart import NAME, ask_chart, read_chart

AT_ONCE = 20  # symbols in one spark call; more are refused
CONTROL = "AAPL"
_CIPHERS = (
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
    "AES128-SHA",
    "AES256-SHA",
)
HOST = Host(
    name=NAME,
    # 2 a second are borne for hours; 5 a second were blocked after some 950 symbols (reports of 2024).
    rate_per_s=2.0,
    burst=30,
    at_once=4,
    # A short generic agent passes; a library's own, or a browser's on a handshake unlike a browser's, earns a 429.
    headers=(("user-agent", "Mozilla/5.0"), ("accept", "application/json")),
    # Yahoo names no end of a 429 and lengthens it for those who knock on.
    pauses_s=(300.0, 900.0, 3600.0),
    # What OpenSSL clients had to offer to be let in after May 2025 (quantmod, commit c55d41e).
    ciphers=":".join(_CIPHERS),
    impersonate="chrome",
)
_SYMBOL = re.compile(r"[A-Z0-9^][A-Z0-9^=.&_-]{0,31}")
_DELISTED = "YHD"


def ask_spark(ids: Sequence[str]) -> Request:
    """The request for the quotes of up to 20 symbols. ``range=1d``: only then is chartPreviousClose yesterday's."""
    return Request("/v7/finance/spark", (("symbols", ",".join(ids)), ("range", "1d"), ("interval", "1d")))


def read_spark(reply: Reply) -> dict[str, Quote | PricectlError]:
    """What the answer holds, by symbol in upper case; symbols that Yahoo does not know are left out by it.

    Raises Refused, BadPayload.
    """
    body = reply.json()
    with promised(NAME, "spark"):
        spark = body["spark"]
        if spark["error"] is not None:
            code, text = said(spark["error"]["code"]), said(spark["error"].get("description", ""))
            if code == "Not Found":
                return {}
            raise Refused(f"yahoo refuses the request for quotes: {text or code}", "", NAME)
        metas = {item["symbol"].upper(): item["response"][0]["meta"] for item in spark["result"] or []}
    return {symbol: _quote(symbol, meta, reply) for symbol, meta in metas.items()}


def _quote(symbol: str, meta: dict[str, Any], reply: Reply) -> Quote | PricectlError:
    """A quote, or why there is none: one symbol's odd meta must not sink the other nineteen."""
    try:
        with promised(NAME, f"answer for {symbol}"):
            price, money = number(meta.get("regularMarketPrice")), currency(meta.get("currency"))
            if not price:
                return _no_price(symbol, meta)
            if not money:
                return BadPayload(f"yahoo gives a price of {symbol} without a currency", "", NAME)
            if price < 0 and meta.get("instrumentType") != "FUTURE":  # oil was at -37.63 in April 2020
                return BadPayload(f"yahoo gives the price {price} for {symbol}", "", NAME)
            updated_ms = instant(int(meta["regularMarketTime"]) * 1000, reply, NAME)
            text = denoised(meta["regularMarketPrice"])
            return Quote(NAME, symbol, text, money, _change(text, meta), updated_ms, reply.received_ms)
    except BadPayload as error:
        return error


def _no_price(symbol: str, meta: dict[str, Any]) -> PricectlError:
    if meta.get("exchangeName") == _DELISTED:
        return UnknownSymbol(f"yahoo has no price of {symbol}: it is delisted", "check the symbol", NAME)
    return BadPayload(f"yahoo gives no price of {symbol} now", "try again later", NAME)


def _change(price: str, meta: dict[str, Any]) -> str | None:
    """Percent against the previous session's close, to three decimals as Yahoo itself says it.

    chartPreviousClose is the close before the window, so it is yesterday's only if the window is today.
    """
    if meta.get("range") != "1d" or not number(meta.get("chartPreviousClose")):
        return None
    before = Decimal(denoised(meta["chartPreviousClose"]))
    return plain(((Decimal(price) - before) / abs(before) * 100).quantize(Decimal("0.001")))


class Yahoo:
    """Yahoo Finance. Prices in the exchange's own currency, verbatim: ``GBp`` is a hundredth of ``GBP``."""

    host = HOST

    def check_id(self, provider_id: str) -> str:
        symbol = provider_id.upper() if provider_id.isascii() else provider_id
        if not _SYMBOL.fullmatch(symbol):
            hint = "write it as AAPL, BRK-B, ^GSPC or EURUSD=X"
            raise UsageError(f"{said(provider_id)[:40]!r} is no Yahoo symbol", hint)
        return symbol

    def plan(self, ids: Sequence[str]) -> list[tuple[str, ...]]:
        unique = list(dict.fromkeys(ids))
        return [tuple(unique[at : at + AT_ONCE]) for at in range(0, len(unique), AT_ONCE)]

    async def quotes(self, http: Http, ids: tuple[str, ...]) -> list[Quote | Miss]:
        symbols, refused = checked(self.check_id, ids)
        found: dict[str, Quote | PricectlError] = {}
        outage = None
        if symbols:
            wanted = list(dict.fromkeys(symbols.values()))
            found = await http.ask(HOST, ask_spark(wanted), read_spark)
            if sum(symbol not in found for symbol in wanted) * 2 > len(wanted):
                outage = await self._outage(http, found)
        return [refused.get(one) or _outcome(one, found.get(symbols[one]), outage) for one in ids]

    async def history(self, http: Http, provider_id: str, start: dt.date, end: dt.date) -> History:
        symbol = self.check_id(provider_id)
        read = partial(read_chart, symbol=symbol, start=start, end=end)
        try:
            return await http.ask(HOST, ask_chart(symbol, start), read)
        except UnknownSymbol:
            if outage := await self._outage(http, {}):
                raise outage from None
            raise

    async def _outage(self, http: Http, found: dict[str, Quote | PricectlError]) -> ProviderError | None:
        """The error to give instead of "unknown" if Yahoo does not even know what certainly exists."""
        if isinstance(found.get(CONTROL), Quote):
            return None
        try:
            control = await http.ask(HOST, ask_spark([CONTROL]), read_spark)
        except ProviderError as error:
            return error
        if isinstance(control.get(CONTROL), Quote):
            return None
        return Transient("yahoo answers, but knows no symbol at all: an outage", "try again later", NAME)


def _outcome(asked: str, outcome: Quote | PricectlError | None, outage: ProviderError | None) -> Quote | Miss:
    if isinstance(outcome, Quote):
        return outcome._replace(provider_id=asked)
    unknown = UnknownSymbol(f"yahoo does not know {said(asked)}", "check the spelling", NAME)
    return Miss(asked, outcome or outage or unknown)
