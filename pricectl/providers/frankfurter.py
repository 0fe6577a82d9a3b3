"""Frankfurter: the European Central Bank's reference rates, and the crosses that it computes from them.

One fix a working day, labelled with its own date (see ``fixing``). One call answers all pairs with the same base.
"""

import datetime as dt
from collections.abc import Sequence
from functools import partial
from typing import Any

from pricectl.errors import PricectlError, ProviderError, Refused, Transient, UnknownSymbol
from pricectl.model.bar import Bar, History
from pricectl.model.number import plain
from pricectl.model.quote import Miss, Quote
from pricectl.net import Http
from pricectl.net.host import Host, Request
from pricectl.net.reply import Reply
from pricectl.providers import fixing
from pricectl.providers.reading import checked, instant, number, promised, said

NAME = "frankfurter"
CONTROL = "EURUSD"
WINDOW_DAYS = 360  # in one call; the service has thinned out the days of longer spans
# No limit is stated; rates change once a day.
HOST = Host(name=NAME, rate_per_s=2.0, burst=20, at_once=2, headers=(("accept", "application/json"),))


def ask_latest(base: str, currencies: Sequence[str]) -> Request:
    """The request for the latest fix of some currencies, or of all, for one ``base``."""
    named = (("symbols", ",".join(currencies)),) if currencies else ()
    return Request("/v1/latest", (("base", base), *named))


def ask_fixes(pair: str, start: dt.date, end: dt.date) -> Request:
    """The request for the fixes from ``start`` to ``end``, both inclusive."""
    return Request(f"/v1/{start}..{end}", (("base", pair[:3]), ("symbols", pair[3:])))


def _body(reply: Reply) -> Any:
    """The JSON of a good answer. Raises UnknownSymbol, Refused."""
    body = reply.json()
    if reply.status == 200:
        return body
    with promised(NAME, "error"):
        text = said(body["message"])
    if reply.status in (404, 422):
        raise UnknownSymbol(f"frankfurter does not know the currency ({text})", "check the spelling", NAME)
    raise Refused(f"frankfurter refuses the request: {text}", "", NAME)


def read_latest(reply: Reply, base: str) -> dict[str, Quote]:
    """The quotes of an answer by pair, each of the time of its fix. Raises UnknownSymbol, Refused, BadPayload."""
    body = _body(reply)
    with promised(NAME, "latest rates"):
        if body["base"] != base or body["amount"] != 1:
            raise ValueError(f"{base} was asked for, {said(body['amount'])} {said(body['base'])} came")
        updated_ms = instant(fixing.fixed_ms(dt.date.fromisoformat(body["date"])), reply, NAME)
        quotes = {}
        for money, rate in body["rates"].items():
            price = plain(rate)
            if not float(price) > 0:
                raise ValueError(f"the rate of {said(money)} is {price}")
            pair = fixing.pair(base + money)
            quotes[pair] = Quote(NAME, pair, price, money, None, updated_ms, reply.received_ms)
        return quotes


def read_fixes(reply: Reply, pair: str, start: dt.date, end: dt.date) -> tuple[list[Bar], int]:
    """The fixes from ``start`` to ``end``, oldest first, and the time of the answer. The service also gives the
    working day before a start on a holiday. Raises as ``read_latest``."""
    body = _body(reply)
    with promised(NAME, "rates"):
        if body["base"] != pair[:3] or body["amount"] != 1:
            raise ValueError(f"{pair[:3]} was asked for, {said(body['amount'])} {said(body['base'])} came")
        fixes = {dt.date.fromisoformat(day): rates.get(pair[3:]) for day, rates in body["rates"].items()}
        rates = {day: number(rate) for day, rate in sorted(fixes.items()) if start <= day <= end}
        return [fixing.bar(day, rate) for day, rate in rates.items() if rate is not None], reply.server_ms


class Frankfurter:
    """The ECB's reference rates. A pair's price is in its second currency; days are Frankfurt's."""

    host = HOST

    def check_id(self, provider_id: str) -> str:
        return fixing.pair(provider_id)

    def plan(self, ids: Sequence[str]) -> list[tuple[str, ...]]:
        by_base: dict[str, list[str]] = {}
        for one in dict.fromkeys(ids):
            by_base.setdefault(one[:3].upper(), []).append(one)
        return [tuple(pairs) for pairs in by_base.values()]

    async def quotes(self, http: Http, ids: tuple[str, ...]) -> list[Quote | Miss]:
        pairs, refused = checked(self.check_id, ids)
        found: dict[str, Quote] = {}
        outage = None
        for base in dict.fromkeys(pair[:3] for pair in pairs.values()):
            wanted = sorted({pair[3:] for pair in pairs.values() if pair[:3] == base})
            try:
                found |= await self._latest(http, base, wanted)
            except UnknownSymbol:
                outage = await self._outage(http)
        return [refused.get(one) or _outcome(one, found.get(pairs[one]), outage) for one in ids]

    async def _latest(self, http: Http, base: str, wanted: list[str]) -> dict[str, Quote]:
        read = partial(read_latest, base=base)
        try:
            return await http.ask(HOST, ask_latest(base, wanted), read)
        except UnknownSymbol:
            if len(wanted) == 1:
                raise
            return await http.ask(HOST, ask_latest(base, ()), read)  # one unknown currency sank the others

    async def history(self, http: Http, provider_id: str, start: dt.date, end: dt.date) -> History:
        pair = self.check_id(provider_id)
        bars: list[Bar] = []
        at, server_ms = max(start, fixing.FIRST), 0
        try:
            while at <= end or not server_ms:  # asked at least once: whether it exists, and what time it is
                last = min(at + dt.timedelta(days=WINDOW_DAYS - 1), max(end, at))
                read = partial(read_fixes, pair=pair, start=at, end=last)
                page, server_ms = await http.ask(HOST, ask_fixes(pair, at, last), read)
                bars += page
                at = last + dt.timedelta(days=1)
        except UnknownSymbol:
            raise await self._outage(http) or _unknown(pair) from None
        return History(pair[3:], [bar for bar in bars if start <= bar.date <= end], [], True, server_ms)

    async def _outage(self, http: Http) -> ProviderError | None:
        """The error to give instead of "unknown" if not even what certainly exists is known."""
        try:
            request = ask_latest(CONTROL[:3], [CONTROL[3:]])
            known = await http.ask(HOST, request, partial(read_latest, base=CONTROL[:3]))
        except UnknownSymbol:
            known = {}
        except ProviderError as error:
            return error
        if CONTROL in known:
            return None
        return Transient("frankfurter answers, but knows no currency at all: an outage", "try again later", NAME)


def _unknown(pair: str) -> UnknownSymbol:
    return UnknownSymbol(f"frankfurter has no rate of {said(pair)}", "check the spelling", NAME)


def _outcome(asked: str, quote: Quote | None, outage: PricectlError | None) -> Quote | Miss:
    return quote._replace(provider_id=asked) if quote else Miss(asked, outage or _unknown(asked))
