"""One quote or many, through the three tiers: the cache, then the store, then the providers.

Where a provider fails, the asset's fallbacks are asked. That they fail too does not fail the answer while an older
quote is at hand: that is given, marked stale.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pricectl.engine import Engine, fallbacks, routing
from pricectl.engine.freshness import FUTURE_MS, fresh_until, is_fresh
from pricectl.errors import NotFound, NotFresh, PricectlError, StoreError, UnknownSymbol
from pricectl.model.asset import Asset, Series
from pricectl.model.number import plain
from pricectl.model.quote import Answer, Miss, Quote
from pricectl.state import lookups


class Wish(NamedTuple):
    """How fresh, from where, how long. ``max_age_s`` replaces the engine's own freshness when it is given;
    ``patient``: a batch that is larger than the request budget at once may wait beyond ``timeout_s`` for it."""

    timeout_s: float
    max_age_s: float | None = None
    offline: bool = False
    refresh: bool = False
    patient: bool = False


class _Found(NamedTuple):
    quote: Quote
    source: str
    stale: bool


def get(engine: Engine, asked: Sequence[str], wish: Wish) -> list[Answer | Miss]:
    """An Answer or a Miss for every symbol asked, in that order; duplicates are answered in place, fetched once."""
    resolved = {name: _resolve(engine, name) for name in dict.fromkeys(asked)}
    names = {name: asset for name, asset in resolved.items() if isinstance(asset, Asset)}
    found = _by_name(engine, names, wish)
    if names and not engine.settings.read_only:
        _keep(engine, names, found)
    outcomes: list[Answer | Miss] = []
    for name in asked:
        asset = resolved[name]
        if not isinstance(asset, Asset):
            outcomes.append(Miss(name, asset))
            continue
        outcome = found[name]
        if isinstance(outcome, _Found):
            outcomes.append(Answer(asset.symbol, name, *outcome))
        else:
            outcomes.append(Miss(name, outcome))
    if not engine.settings.read_only:
        hits = sum(isinstance(one, Answer) and one.source == "cache" and not one.stale for one in outcomes)
        looked_up = sum(isinstance(asset, Asset) for asset in map(resolved.__getitem__, asked))
        lookups.count(engine.settings.home, hits, looked_up - hits)
    return outcomes


def _resolve(engine: Engine, name: str) -> Asset | PricectlError:
    try:
        return routing.as_named(engine.catalogue.find(name), name)
    except PricectlError as error:
        return error


def _by_name(engine: Engine, names: Mapping[str, Asset], wish: Wish) -> dict[str, _Found | PricectlError]:
    """The outcome for every name. A name with its provider in it never takes the answer that a fallback gave for the
    same series under another name: then its own provider is looked up once more, in the time that is left."""
    began = engine.clock.monotonic()
    # Of two names of one series the one with fallbacks is looked up: its own provider comes first in any case.
    assets = {asset.series: asset for asset in sorted(names.values(), key=lambda asset: bool(asset.chain))}
    shared = _through_tiers(engine, assets, _standing(engine, names), wish) if assets else {}
    alone = {
        asset.series: asset
        for asset in names.values()
        if isinstance(hit := shared[asset.series], _Found) and hit.quote.series not in (asset.series, *asset.chain)
    }
    left_s = max(wish.timeout_s - (engine.clock.monotonic() - began), 0.001)
    own = _through_tiers(engine, alone, {}, wish._replace(timeout_s=left_s)) if alone else {}
    return {
        name: own[asset.series] if alone.get(asset.series) == asset else shared[asset.series]
        for name, asset in names.items()
    }


def _standing(engine: Engine, names: Mapping[str, Asset]) -> dict[Series, Quote]:
    """The fallbacks' quotes that the front door now gives for these names, by the assets' own series."""
    with_chain = {name.upper(): asset for name, asset in names.items() if asset.chain}
    named = engine.cache.named(list(with_chain)) if with_chain else {}
    return {with_chain[name].series: quote for name, quote in named.items() if quote.series in with_chain[name].chain}


def _through_tiers(
    engine: Engine, assets: dict[Series, Asset], standing: dict[Series, Quote], wish: Wish
) -> dict[Series, _Found | PricectlError]:
    found: dict[Series, _Found | PricectlError] = {}
    spare: dict[Series, _Found] = {}

    def take(quotes: dict[Series, Quote], source: str) -> None:
        for series, quote in quotes.items():
            if not wish.refresh and _fresh_enough(quote, engine.clock.now_ms(), wish):
                found[series] = _Found(quote, source, False)
            elif series not in spare or spare[series].quote.fetched_ms < quote.fetched_ms:
                spare[series] = _Found(quote, source, True)

    def missing() -> list[Series]:
        return [series for series in assets if series not in found]

    own = engine.cache.quotes(list(assets))
    # Without a wish of one's own as the front door answers: while a fallback stands in, it does so for all.
    for quotes in (standing, own) if wish.max_age_s is None else (own, standing):
        take({one: quote for one, quote in quotes.items() if one not in found}, "cache")
    if missing() and not wish.refresh:
        take(_stored(engine, missing(), spare), "store")
    if missing() and not wish.offline:
        found.update(_asked(engine, missing(), assets, wish))
    _fall_back(engine, assets, found, spare, wish)
    return found


def _fresh_enough(quote: Quote, now_ms: int, wish: Wish) -> bool:
    if wish.max_age_s is None:
        return is_fresh(quote, now_ms)
    return -FUTURE_MS <= now_ms - quote.fetched_ms <= wish.max_age_s * 1000


def _stored(engine: Engine, series: Sequence[Series], spare: dict[Series, _Found]) -> dict[Series, Quote]:
    """The store's latest quotes of ``series``; only looked at where they can be newer than what the cache gave."""
    newest_needed = min((spare[one].quote.fetched_ms if one in spare else 0 for one in series), default=0)
    try:
        return engine.store.latest(series, newer_than_ms=newest_needed)
    except StoreError as error:
        engine.warn(f"the store cannot be read ({error}), answering without it; {error.hint}")
        return {}


def _asked(
    engine: Engine, series: Sequence[Series], assets: dict[Series, Asset], wish: Wish
) -> dict[Series, _Found | PricectlError]:
    from pricectl.engine.live import ask_quotes

    known: dict[Series, UnknownSymbol] = {} if wish.refresh else engine.cache.misses(series)
    outcomes: dict[Series, Quote | PricectlError] = {**known}
    rest = [one for one in series if one not in known]
    began = engine.clock.monotonic()
    if rest:
        chains = [routing.fallbacks(assets[one], engine.settings.lacks_key) for one in rest]
        outcomes |= ask_quotes(engine, rest, routing.own_time_s(wish.timeout_s, chains), patient=wish.patient)
    now_ms = engine.clock.now_ms()
    open_s = engine.settings["fresh.open"]
    fetched = {}
    for one, outcome in outcomes.items():
        if isinstance(outcome, Quote):
            until_ms = fresh_until(outcome, engine.calendar(assets[one]), now_ms, open_s)
            fetched[one] = outcome._replace(fresh_until_ms=until_ms)
    found: dict[Series, _Found | PricectlError] = {
        one: _Found(fetched[one], "provider", False) if not isinstance(outcome, PricectlError) else outcome
        for one, outcome in outcomes.items()
    }
    left_s = max(wish.timeout_s - (engine.clock.monotonic() - began), 0.0)
    return found | _from_fallbacks(engine, found, assets, left_s, wish)


def _from_fallbacks(
    engine: Engine,
    found: dict[Series, _Found | PricectlError],
    assets: dict[Series, Asset],
    left_s: float,
    wish: Wish,
) -> dict[Series, _Found]:
    failed = {assets[one]: error for one, error in found.items() if isinstance(error, PricectlError)}
    if not any(asset.chain and routing.moves_on(error) for asset, error in failed.items()):
        return {}

    def kept(quote: Quote) -> bool:
        return not wish.refresh and _fresh_enough(quote, engine.clock.now_ms(), wish)

    return {
        asset.series: _Found(one.quote, "provider" if one.asked else "cache", False)
        for asset, one in fallbacks.quotes(engine, failed, left_s, kept=kept).items()
    }


def _keep(engine: Engine, names: Mapping[str, Asset], found: Mapping[str, _Found | PricectlError]) -> None:
    """Write what was learnt: quotes into cache and store, names and unknown symbols into the cache."""
    fetched = (hit.quote for hit in found.values() if isinstance(hit, _Found) and hit.source == "provider")
    quotes = list(dict.fromkeys(fetched))
    hits = {
        name: (asset, hit.quote)
        for name, asset in names.items()
        if isinstance(hit := found[name], _Found) and hit.source != "store"
    }
    meant = {
        name.upper(): (asset.symbol, asset.series) for name, (asset, one) in hits.items() if one.series == asset.series
    }
    stand_ins = {
        name.upper(): (asset.symbol, fallbacks.standing(engine, one))
        for name, (asset, one) in hits.items()
        if one.series != asset.series
    }
    unknown = {names[name].series: str(error) for name, error in found.items() if isinstance(error, UnknownSymbol)}
    engine.cache.put(quotes, meant, unknown, stand_ins)
    if quotes:
        try:
            engine.store.put_latest(quotes)
        except StoreError as error:
            engine.warn(f"the store cannot be written ({error}); the quotes were not kept in it")


def _fall_back(
    engine: Engine,
    assets: dict[Series, Asset],
    found: dict[Series, _Found | PricectlError],
    spare: dict[Series, _Found],
    wish: Wish,
) -> None:
    """Give the older quote, or the last close, where nothing fresh could be had; say so once for each cause."""
    failed = [series for series in assets if not isinstance(found.get(series), _Found)]
    without = [series for series in failed if series not in spare and not _is_unknown(found.get(series))]
    for series, quote in (_last_closes(engine, assets, without) if without else {}).items():
        spare[series] = _Found(quote, "store", True)
    causes: dict[str, list[str]] = {}
    for series in failed:
        error = found.get(series)
        symbol = assets[series].symbol
        if series in spare and not _is_unknown(error):
            causes.setdefault(str(error) if error else "offline", []).append(symbol)
            found[series] = spare[series]
        elif error is None:
            found[series] = NotFresh(f"nothing is stored of {symbol}", "ask again without --offline")
    for cause, symbols in causes.items():
        which = symbols[0] if len(symbols) == 1 else f"{len(symbols)} symbols ({', '.join(symbols[:3])}, ...)"
        engine.warn(f"{which}: the answer is stale ({cause})")


def _is_unknown(outcome: object) -> bool:
    return isinstance(outcome, UnknownSymbol | NotFound)


def _last_closes(engine: Engine, assets: dict[Series, Asset], series: Sequence[Series]) -> dict[Series, Quote]:
    """The last stored close of each of ``series`` as a quote of the time when that session ended."""
    try:
        closes = engine.store.last_closes(series)
    except StoreError:
        return {}
    quotes = {}
    for one, (day, close, currency) in closes.items():
        _, close_ms = engine.calendar(assets[one]).hours(day)
        quotes[one] = Quote(one.provider, one.provider_id, plain(close), currency, None, close_ms, close_ms)
    return quotes
