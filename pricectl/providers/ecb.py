"""The European Central Bank's reference rates, from the bank itself: units of a currency for one euro, once a working
day (see ``fixing``). Other pairs are computed: USDJPY is JPY/USD, to six digits.

One call answers any number of currencies; those that it does not know, it leaves out. The dollar is always asked for
too, so that an answer without it is known for an outage.
"""

import csv
import datetime as dt
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import partial

from pricectl.errors import BadPayload, Transient, UnknownSymbol
from pricectl.model.bar import History
from pricectl.model.number import plain
from pricectl.model.quote import Miss, Quote
from pricectl.net import Http
from pricectl.net.host import Host, Request
from pricectl.net.reply import Reply
from pricectl.providers import fixing
from pricectl.providers.reading import checked, instant, promised, said

NAME = "ecb"
CONTROL = "USD"
# No limit is stated; rates change once a day.
HOST = Host(name=NAME, rate_per_s=1.0, burst=10, at_once=2, reads=frozenset({400, 404}))
Fixes = dict[dt.date, dict[str, Decimal]]  # units for one euro, by day and currency


def ask_rates(currencies: Iterable[str], span: tuple[tuple[str, str], ...]) -> Request:
    """The request for the fixes of some currencies, the dollar always among them."""
    named = "+".join(sorted({*currencies, CONTROL} - {"EUR"}))
    return Request(f"/service/data/EXR/D.{named}.EUR.SP00.A", (("format", "csvdata"), ("detail", "dataonly"), *span))


def read_rates(reply: Reply) -> Fixes:
    """Every fix of an answer, columns by the names in its first line; days without a rate are left out.

    Nothing at all (404) is no fix. Raises BadPayload.
    """
    if reply.status == 404:
        return {}
    if reply.status != 200:
        raise BadPayload(f"ecb does not understand the request: {said(reply.body[:200])}", "", NAME)
    fixes: Fixes = {}
    with promised(NAME, "rates"):
        names, rows = _table(reply.body.decode("utf-8-sig"))
        missing = {"CURRENCY", "TIME_PERIOD", "OBS_VALUE"} - set(names)
        if missing:
            raise ValueError(f"there is no column {', '.join(sorted(missing))}: {said(reply.body[:80])}")
        for row in rows:
            value = (row["OBS_VALUE"] or "").strip()
            if value and value != "NaN":
                rate = Decimal(plain(value))
                if rate <= 0:
                    raise ValueError(f"the rate of {said(row['CURRENCY'])} is {rate}")
                fixes.setdefault(dt.date.fromisoformat(row["TIME_PERIOD"]), {})[row["CURRENCY"]] = rate
    return fixes


def _table(text: str) -> tuple[Sequence[str], list[dict[str, str]]]:
    """The names of the columns, and the rows. Raises ValueError for what is no CSV."""
    rows = csv.DictReader(text.splitlines(), strict=True)
    try:
        return rows.fieldnames or (), list(rows)
    except csv.Error as error:
        raise ValueError(str(error)) from error


def cross(rates: dict[str, Decimal], pair: str) -> Decimal | None:
    """What one unit of the pair's first currency costs in its second; None where a rate is missing."""
    base, money = (Decimal(1) if one == "EUR" else rates.get(one) for one in (pair[:3], pair[3:]))
    if base is None or money is None:
        return None
    return money if base == 1 else Decimal(f"{money / base:.6g}")


class Ecb:
    """The ECB's reference rates. A pair's price is in its second currency; days are Frankfurt's."""

    host = HOST

    def check_id(self, provider_id: str) -> str:
        return fixing.pair(provider_id)

    def plan(self, ids: Sequence[str]) -> list[tuple[str, ...]]:
        unique = tuple(dict.fromkeys(ids))
        return [unique] if unique else []

    async def quotes(self, http: Http, ids: tuple[str, ...]) -> list[Quote | Miss]:
        pairs, refused = checked(self.check_id, ids)
        found: dict[str, Quote] = {}
        if pairs:
            currencies = {one for pair in pairs.values() for one in (pair[:3], pair[3:])}
            request = ask_rates(currencies, (("lastNObservations", "1"),))
            found = await http.ask(HOST, request, partial(_latest, pairs=set(pairs.values())))
        return [refused.get(one) or _outcome(one, found.get(pairs[one])) for one in ids]

    async def history(self, http: Http, provider_id: str, start: dt.date, end: dt.date) -> History:
        pair = self.check_id(provider_id)
        first = max(start, fixing.FIRST)
        # Back to a working day, so that an answer without the dollar is an outage and no holiday.
        span = (("startPeriod", str(first - dt.timedelta(days=14))), ("endPeriod", str(max(end, first))))
        request = ask_rates((pair[:3], pair[3:]), span)
        fixes, server_ms = await http.ask(HOST, request, lambda reply: (read_rates(reply), reply.server_ms))
        if first - dt.timedelta(days=14) > fixing.FIRST:
            _check(fixes)
        rates = {day: cross(fixes[day], pair) for day in sorted(fixes)}
        if not any(rates.values()) and fixes:
            raise _unknown(pair)
        bars = [fixing.bar(day, float(rate)) for day, rate in rates.items() if rate and start <= day <= end]
        return History(pair[3:], bars, [], True, server_ms)


def _latest(reply: Reply, pairs: set[str]) -> dict[str, Quote]:
    """The quotes of the newest fix; a currency that was not fixed then is no longer fixed."""
    fixes = read_rates(reply)
    _check(fixes)
    day = max(fixes)
    with promised(NAME, "rates"):
        updated_ms = instant(fixing.fixed_ms(day), reply, NAME)
    rates = {pair: cross(fixes[day], pair) for pair in pairs}
    return {
        pair: Quote(NAME, pair, plain(rate), pair[3:], None, updated_ms, reply.received_ms)
        for pair, rate in rates.items()
        if rate is not None
    }


def _check(fixes: Fixes) -> None:
    if not fixes or not any(CONTROL in rates for rates in fixes.values()):
        raise Transient("ecb answers, but knows not even the dollar: an outage", "try again later", NAME)


def _unknown(pair: str) -> UnknownSymbol:
    return UnknownSymbol(f"ecb has no rate of {said(pair)}", "check the spelling", NAME)


def _outcome(asked: str, quote: Quote | None) -> Quote | Miss:
    return quote._replace(provider_id=asked) if quote else Miss(asked, _unknown(asked))
