"""Quotes of the fallbacks for assets whose own provider failed."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from pricectl.engine import Engine, routing
from pricectl.engine.freshness import fresh_until
from pricectl.errors import PricectlError
from pricectl.model.asset import Asset, Series
from pricectl.model.quote import Quote


class StandIn(NamedTuple):
    """A fallback's quote, as its own series has it, and whether it was asked for just now."""

    quote: Quote
    asked: bool


def quotes(
    engine: Engine,
    failed: Mapping[Asset, PricectlError],
    timeout_s: float,
    *,
    person: bool = True,
    kept: Callable[[Quote], bool] = lambda _: False,
) -> dict[Asset, StandIn]:
    """For each asset whose own provider ``failed``, the quote of the first of its fallbacks that has one.

    All first fallbacks are asked together, then all second ones, within ``timeout_s`` seconds; not asked is one whose
    quote in the cache is good enough (``kept``). Tells ``engine.warn`` who answered for whom, and why.
    """
    chains = {
        asset: routing.fallbacks(asset, engine.settings.lacks_key)
        for asset, error in failed.items()
        if routing.moves_on(error)
    }
    found: dict[Asset, StandIn] = {}
    deadline = engine.clock.monotonic() + timeout_s
    rounds = max(map(len, chains.values()), default=0)
    for turn in range(rounds):
        wanted = {asset: chain[turn] for asset, chain in chains.items() if turn < len(chain) and asset not in found}
        left_s = deadline - engine.clock.monotonic()
        if wanted and left_s > 0.0:
            found |= _round(engine, wanted, left_s / (rounds - turn), person, kept)
    _tell(engine, failed, found)
    return found


def standing(engine: Engine, quote: Quote) -> Quote:
    """A fallback's quote as it stands in for an asset: fresh as an open market's at most, so that the asset's own
    provider is asked again soon."""
    soon_ms = engine.clock.now_ms() + round(engine.settings["fresh.open"] * 1000)
    return quote._replace(fresh_until_ms=min(quote.fresh_until_ms, soon_ms))


def _round(
    engine: Engine, wanted: Mapping[Asset, Series], timeout_s: float, person: bool, kept: Callable[[Quote], bool]
) -> dict[Asset, StandIn]:
    from pricectl.engine.live import ask_quotes

    series = list(dict.fromkeys(wanted.values()))
    known = {one: quote for one, quote in engine.cache.quotes(series).items() if kept(quote)}
    rest = [one for one in series if one not in known]
    answers = ask_quotes(engine, rest, timeout_s, person=person) if rest else {}
    found: dict[Asset, StandIn] = {}
    now_ms = engine.clock.now_ms()
    open_s = engine.settings["fresh.open"]
    for asset, one in wanted.items():
        if one in known:
            found[asset] = StandIn(known[one], False)
            continue
        answer = answers[one]
        if isinstance(answer, Quote):
            until_ms = fresh_until(answer, engine.calendar(routing.stand_in(asset, one)), now_ms, open_s)
            found[asset] = StandIn(answer._replace(fresh_until_ms=until_ms), True)
    return found


def _tell(engine: Engine, failed: Mapping[Asset, PricectlError], found: Mapping[Asset, StandIn]) -> None:
    causes: dict[tuple[str, str], list[str]] = {}
    for asset, one in found.items():
        causes.setdefault((one.quote.provider, str(failed[asset])), []).append(asset.symbol)
    for (provider, cause), symbols in causes.items():
        which = symbols[0] if len(symbols) == 1 else f"{len(symbols)} symbols ({', '.join(symbols[:3])}, ...)"
        engine.warn(f"{which}: {provider} answers instead ({cause})")
