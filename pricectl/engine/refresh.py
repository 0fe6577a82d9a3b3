"""What cron runs each minute: the due quotes into cache and store, the missing bars into the store.

Everything that a run does is decided before it asks anybody; what could not be had comes back as values, so that one
bad asset never sinks the others.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pricectl import providers
from pricectl.engine import due, fallbacks, routing
from pricectl.engine.freshness import fresh_until, is_fresh
from pricectl.engine.upkeep import Kept, Upkeep
from pricectl.errors import PricectlError, StoreError, UnknownSymbol, UsageError
from pricectl.model.asset import TYPES, Asset, Series
from pricectl.model.quote import Quote
from pricectl.state.runs import Failing, Failure

if TYPE_CHECKING:
    from pricectl.engine import Engine

TOLERATED = 0.05  # of the assets may be known as failing before every run says so


class Order(NamedTuple):
    """What a run is to do: seconds from its start. Quotes are asked for until ``deadline_s``, bars begun until
    ``bars_s``; the next run is expected ``every_s`` later. ``force``: every quote is due; ``max_age_s``: so is one
    older than that; ``backfill``: all bars that the providers have."""

    assets: Sequence[Asset]
    deadline_s: float
    bars_s: float
    every_s: float = 60.0
    force: bool = False
    max_age_s: float | None = None
    backfill: bool = False


class Report(NamedTuple):
    """What a run did. ``ok``, ``failed`` and ``skipped`` are quotes (``skipped``: not due, or unknown to the provider
    within the last hour); ``requests`` by provider; ``errors`` are all failures, of bars too; ``left`` are the quotes
    that the deadline, the budget or a signal left for the next run; ``oldest_ms`` as in ``state.runs.Run``;
    ``trouble``: the store could not be used."""

    assets: int
    ok: int
    failed: int
    skipped: int
    kept: Kept
    requests: Mapping[str, int]
    errors: Sequence[Failure]
    failing: Mapping[str, Failing]
    left: int
    oldest_ms: int
    trouble: StoreError | None = None


class Plan(NamedTuple):
    """What a run would do: how many quotes are due, how many assets lack bars, and the requests it would make now."""

    assets: int
    quotes: int
    bars: int
    requests: dict[str, int]


def select(engine: "Engine", symbols: Sequence[str], type_: str, everything: bool) -> tuple[list[Asset], list[Failure]]:
    """The assets meant (none named: the followed ones), each series once, and the symbols that mean none.

    Raises UsageError for an unknown type. Assets that are switched off are never refreshed.
    """
    if type_ and type_ not in TYPES:
        raise UsageError(f"{type_} is no type of asset", f"one of {', '.join(TYPES)}")
    wrong = []
    if symbols:
        found = []
        for asked in symbols:
            try:
                found.append(_active(engine.catalogue.find(asked)))
            except PricectlError as error:
                wrong.append(Failure(asked, error.code, str(error)))
    else:
        found = engine.catalogue.all() if everything else engine.catalogue.followed()
    meant = [asset for asset in found if type_ in ("", asset.type)]
    return list({asset.series: asset for asset in reversed(meant)}.values())[::-1], wrong


def _active(asset: Asset) -> Asset:
    if not asset.active:
        raise UsageError(f"{asset.symbol} is switched off", f"`pricectl assets activate {asset.symbol}`")
    return asset


class Refresh:
    """One run over ``order``. ``known`` are the assets known as failing before it; ``stop`` says when to wind up."""

    def __init__(
        self, engine: "Engine", order: Order, known: Mapping[str, Failing], stop: Callable[[], bool] = lambda: False
    ) -> None:
        self._engine = engine
        self._order = order
        self._known = known
        self._stop = stop
        self._assets = {asset.series: asset for asset in order.assets}
        self._began = engine.clock.monotonic()
        self._began_ms = engine.clock.now_ms()
        self._trouble: StoreError | None = None
        self._held = engine.cache.quotes(list(self._assets))
        self._restored = self._in_store()
        self._held |= self._restored
        self._unknown = self._unknown_now()
        self._due = self._due_quotes()

    def plan(self) -> Plan:
        """What would be asked now; asks nobody."""
        requests: dict[str, int] = {}
        for name in sorted({one.asset.provider for one in self._due}):
            ids = [one.asset.provider_id for one in self._due if one.asset.provider == name]
            requests[name] = len(providers.get(name).plan(ids))
        upkeep = self._upkeep()
        if upkeep is not None:
            for asset in upkeep.chosen(requests):
                requests[asset.provider] = requests.get(asset.provider, 0) + 1
        return Plan(len(self._assets), len(self._due), len(upkeep.wanted) if upkeep else 0, requests)

    def run(self) -> Report:
        """Do it. What is whole when ``stop`` says so is kept. Raises nothing of providers, cache or store."""
        outcomes = self._quotes()
        kept = self._bars()
        errors = self._errors(outcomes, kept)
        left = len(self._due) - len(outcomes)
        return Report(
            len(self._assets),
            sum(isinstance(outcome, Quote) for outcome in outcomes.values()),
            sum(isinstance(outcome, PricectlError) for outcome in outcomes.values()),
            len(self._assets) - len(self._due),
            kept,
            dict(self._engine.requests),
            errors,
            self._failing(errors, outcomes),
            left,
            self._oldest_ms(errors),
            self._trouble or kept.error,
        )

    def _unknown_now(self) -> dict[Series, UnknownSymbol]:
        """The series that their provider did not know within the last hour: not asked for again until then."""
        if self._order.force:
            return {}
        stale = [
            series
            for series in self._assets
            if series not in self._held or self._held[series].fresh_until_ms <= self._began_ms
        ]
        return self._engine.cache.misses(stale) if stale else {}

    def _due_quotes(self) -> list[due.Wanted]:
        next_ms = self._began_ms + round((self._order.every_s + due.HANDOVER_S) * 1000)
        wanted = []
        for series, asset in self._assets.items():
            quote, is_open = self._held.get(series), self._engine.calendar(asset).is_open(self._began_ms)
            if series not in self._unknown and (
                self._order.force
                or due.quote_is_due(quote, is_open, self._began_ms, next_ms)
                or (quote is not None and self._too_old(quote))
            ):
                wanted.append(due.Wanted(asset, is_open, quote.fetched_ms if quote else 0))
        return due.in_order(wanted)

    def _in_store(self) -> dict[Series, Quote]:
        """Quotes that the cache lacks and the store has: a cache that was lost costs no request."""
        missing = [series for series in self._assets if series not in self._held]
        try:
            return self._engine.store.latest(missing) if missing else {}
        except StoreError as error:
            self._trouble = error
            return {}

    def _too_old(self, quote: Quote) -> bool:
        return self._order.max_age_s is not None and self._began_ms - quote.fetched_ms > self._order.max_age_s * 1000

    def _left_s(self, until_s: float) -> float:
        return until_s - (self._engine.clock.monotonic() - self._began)

    def _quotes(self) -> dict[Series, Quote | PricectlError]:
        from pricectl.engine.live import ask_due_quotes

        outcomes: dict[Series, Quote | PricectlError] = {}
        left_s = self._left_s(self._order.deadline_s)
        if self._due and left_s > 0 and not self._stop():
            series = [one.asset.series for one in self._due]
            lacks_key = self._engine.settings.lacks_key
            left_s = routing.own_time_s(left_s, [routing.fallbacks(one.asset, lacks_key) for one in self._due])
            outcomes = ask_due_quotes(self._engine, series, left_s, self._stop)
        now_ms = self._engine.clock.now_ms()
        # Fresh until the next run has written its own.
        open_s = self._engine.settings["fresh.open"] + due.HANDOVER_S
        for one, outcome in outcomes.items():
            if isinstance(outcome, Quote):
                until_ms = fresh_until(outcome, self._engine.calendar(self._assets[one]), now_ms, open_s)
                outcomes[one] = outcome._replace(fresh_until_ms=until_ms)
        outcomes |= self._stand_ins(outcomes)
        self._keep(outcomes)
        return outcomes

    def _stand_ins(self, outcomes: Mapping[Series, Quote | PricectlError]) -> dict[Series, Quote]:
        """For assets whose own provider failed the quotes of their fallbacks, which stay series of their own."""
        failed = {self._assets[one]: error for one, error in outcomes.items() if isinstance(error, PricectlError)}
        left_s = self._left_s(self._order.deadline_s)
        if left_s <= 0 or self._stop() or not any(asset.chain and routing.moves_on(failed[asset]) for asset in failed):
            return {}
        found = fallbacks.quotes(
            self._engine, failed, left_s, person=False, kept=lambda quote: is_fresh(quote, self._began_ms)
        )
        return {asset.series: one.quote for asset, one in found.items()}

    def _keep(self, outcomes: Mapping[Series, Quote | PricectlError]) -> None:
        """Into the cache, with the names by which they are asked for, and into the store's latest prices."""
        quotes = [outcome for outcome in outcomes.values() if isinstance(outcome, Quote)]
        self._held |= {series: outcome for series, outcome in outcomes.items() if isinstance(outcome, Quote)}
        held = [(self._assets[series], quote) for series, quote in self._held.items()]
        names = {one.symbol.upper(): (one.symbol, one.series) for one, quote in held if quote.series == one.series}
        stand_ins = {
            one.symbol.upper(): (one.symbol, fallbacks.standing(self._engine, quote))
            for one, quote in held
            if quote.series != one.series
        }
        unknown = {one: str(error) for one, error in outcomes.items() if isinstance(error, UnknownSymbol)}
        self._engine.cache.put([*self._restored.values(), *quotes], names, unknown, stand_ins)
        if quotes:
            try:
                self._engine.store.put_latest(quotes)
            except StoreError as error:
                self._trouble = error

    def _upkeep(self) -> Upkeep | None:
        try:
            return Upkeep(self._engine, self._order.assets, backfill=self._order.backfill)
        except StoreError as error:
            self._trouble = self._trouble or error
            return None

    def _bars(self) -> Kept:
        upkeep = None if self._stop() else self._upkeep()
        if upkeep is None:
            return Kept()
        left_s = self._left_s(min(self._order.bars_s, self._order.deadline_s))
        chosen = upkeep.chosen(self._engine.requests) if left_s > 0 else {}
        return upkeep.bring(chosen, left_s, self._stop)

    def _errors(self, outcomes: Mapping[Series, Quote | PricectlError], kept: Kept) -> list[Failure]:
        """Every failing asset once, its quote's error before its bars'."""
        failures = {}
        for asset, (code, message) in kept.failed.items():
            failures[asset.symbol] = Failure(asset.symbol, code, message)
        for series, error in {**self._unknown, **outcomes}.items():
            if isinstance(error, PricectlError):
                symbol = self._assets[series].symbol
                failures[symbol] = Failure(symbol, error.code, str(error))
        return [failures[asset.symbol] for asset in self._order.assets if asset.symbol in failures]

    def _failing(
        self, errors: Sequence[Failure], outcomes: Mapping[Series, Quote | PricectlError]
    ) -> dict[str, Failing]:
        """The assets known as failing from now on, among those looked at and the others."""
        now = {one.symbol: Failing(one.code, one.message, self._began_ms) for one in errors}
        unasked = {one.asset.symbol for one in self._due if one.asset.series not in outcomes}
        looked_at = {asset.symbol for asset in self._order.assets} - unasked
        before = {symbol: said for symbol, said in self._known.items() if symbol not in looked_at}
        since = {
            symbol: said._replace(since_ms=self._known[symbol].since_ms) if symbol in self._known else said
            for symbol, said in now.items()
        }
        return before | since

    def _oldest_ms(self, errors: Sequence[Failure]) -> int:
        # One asset that fails for weeks must not look as if nothing were refreshed: it is counted as failing.
        failing = {one.symbol for one in errors}
        fetched = [
            self._held[series].fetched_ms
            for series, asset in self._assets.items()
            if series in self._held
            and asset.symbol not in failing
            and self._engine.calendar(asset).is_open(self._began_ms)
        ]
        return min(fetched, default=0)


def verdict(report: Report, known: Mapping[str, Failing], wrong: int = 0) -> int:
    """The exit code: 9 the store failed, 3 new failures (``wrong``: symbols that mean no asset) or too many, 12 work
    is left that the deadline cut off, 0. One asset known as failing is never too many."""
    if report.trouble is not None:
        return report.trouble.exit_code
    new = [one for one in report.errors if one.symbol not in known]
    if new or wrong or len(report.errors) > max(1.0, TOLERATED * report.assets):
        return 3
    return 12 if report.left else 0
