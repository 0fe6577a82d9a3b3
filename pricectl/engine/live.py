"""The bridge to the providers, and the only part of the engine that is asynchronous: fan out, keep the deadline,
collect. What went wrong comes back as a value beside what went well."""

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any

from pricectl import providers
from pricectl.engine import Engine
from pricectl.errors import PricectlError, ProviderError, Transient
from pricectl.model.asset import Asset, Series
from pricectl.model.bar import History
from pricectl.model.quote import Miss, Quote
from pricectl.net import Http

_GRACE_S = 0.5
_LOOK_S = 0.05  # how often it is looked whether the run is to stop


def ask_quotes(
    engine: Engine, series: Sequence[Series], timeout_s: float, *, person: bool = True, patient: bool = False
) -> dict[Series, Quote | PricectlError]:
    """A quote or the reason for none, for every one of ``series``, within ``timeout_s`` seconds.

    ``person``: somebody waits for it, so the share of the request budget that is kept for people may be used.
    ``patient``: the time that the budget needs for so many requests is added to ``timeout_s``.
    """
    planned = [
        (name, part)
        for name in sorted({one.provider for one in series})
        for part in providers.get(name).plan([one.provider_id for one in series if one.provider == name])
    ]
    if patient:
        timeout_s += max((_budget_s(name, planned) for name, _ in planned), default=0.0)
    return asyncio.run(_quotes(engine, series, planned, timeout_s, person))


def _budget_s(provider: str, planned: Sequence[tuple[str, tuple[str, ...]]]) -> float:
    """The seconds that the sustained rate needs for a provider's planned requests."""
    requests = sum(1 for name, _ in planned if name == provider)
    return requests / providers.get(provider).host.rate_per_s


async def _quotes(
    engine: Engine,
    series: Sequence[Series],
    planned: Sequence[tuple[str, tuple[str, ...]]],
    timeout_s: float,
    person: bool,
) -> dict[Series, Quote | PricectlError]:
    found: dict[Series, Quote | PricectlError] = {}

    async with _http(engine, timeout_s, person) as http:
        try:
            async with asyncio.timeout(timeout_s), asyncio.TaskGroup() as group:
                for name, part in planned:
                    group.create_task(_ask(http, name, part, found))
        except TimeoutError:
            pass
    return {one: found.get(one) or _late(one.provider, timeout_s) for one in series}


async def _ask(http: Http, name: str, ids: tuple[str, ...], found: dict[Series, Quote | PricectlError]) -> None:
    """Make one planned request; its outcomes go into ``found``."""
    try:
        outcomes = await providers.get(name).quotes(http, ids)
    except PricectlError as error:
        found.update({Series(name, one): error for one in ids})
        return
    for one, outcome in zip(ids, outcomes, strict=True):
        found[Series(name, one)] = outcome.error if isinstance(outcome, Miss) else outcome


def ask_history(
    engine: Engine, asset: Asset, start: dt.date, end: dt.date, timeout_s: float, *, person: bool = True
) -> History:
    """The bars of ``asset`` from ``start`` to ``end`` (inclusive session dates) as its provider has them, as traded.

    Raises ProviderError of every kind; Transient when ``timeout_s`` seconds have passed.
    """
    return asyncio.run(_history(engine, asset, start, end, timeout_s, person))


async def _history(
    engine: Engine, asset: Asset, start: dt.date, end: dt.date, timeout_s: float, person: bool
) -> History:
    async with _http(engine, timeout_s, person) as http:
        try:
            async with asyncio.timeout(timeout_s):
                return await providers.get(asset.provider).history(http, asset.provider_id, start, end)
        except TimeoutError:
            raise _late(asset.provider, timeout_s) from None


def ask_due_quotes(
    engine: Engine, series: Sequence[Series], timeout_s: float, stop: Callable[[], bool]
) -> dict[Series, Quote | PricectlError]:
    """For an unattended run: a quote or the reason for none for each of ``series``, as far as ``timeout_s`` seconds
    and the request budget without the share for people reach; what was not answered by then is left out.

    Nothing new is begun, and what is under way given up, once ``stop`` says so.
    """
    found: dict[Series, Quote | PricectlError] = {}

    def work(http: Http) -> list[Coroutine[Any, Any, None]]:
        names = dict.fromkeys(one.provider for one in series)
        return [
            _ask(http, name, part, found)
            for name in names
            for part in providers.get(name).plan([one.provider_id for one in series if one.provider == name])
        ]

    asyncio.run(_unattended(engine, work, timeout_s, stop))
    return {one: outcome for one, outcome in found.items() if _was_asked(outcome)}


def ask_histories(
    engine: Engine,
    wanted: Mapping[Series, tuple[dt.date, dt.date]],
    timeout_s: float,
    stop: Callable[[], bool],
) -> dict[Series, History | PricectlError]:
    """For an unattended run: the bars of each series over its days, as ``ask_due_quotes`` gives quotes."""
    found: dict[Series, History | PricectlError] = {}

    async def ask(http: Http, series: Series, start: dt.date, end: dt.date) -> None:
        try:
            found[series] = await providers.get(series.provider).history(http, series.provider_id, start, end)
        except PricectlError as error:
            found[series] = error

    asyncio.run(
        _unattended(engine, lambda http: [ask(http, one, *days) for one, days in wanted.items()], timeout_s, stop)
    )
    return {one: outcome for one, outcome in found.items() if _was_asked(outcome)}


def _was_asked(outcome: object) -> bool:
    return not isinstance(outcome, ProviderError) or outcome.asked


async def _unattended(
    engine: Engine,
    work: Callable[[Http], Iterable[Coroutine[Any, Any, None]]],
    timeout_s: float,
    stop: Callable[[], bool],
) -> None:
    async with _http(engine, timeout_s, person=False) as http:
        pending = {asyncio.ensure_future(one) for one in work(http)}
        try:
            with contextlib.suppress(TimeoutError):
                # A little later than Http's own: what was sent and not answered by then is said to have failed.
                async with asyncio.timeout(timeout_s + _GRACE_S):
                    while pending and not stop():
                        done, pending = await asyncio.wait(
                            pending, timeout=_LOOK_S, return_when=asyncio.FIRST_EXCEPTION
                        )
                        for one in done:
                            one.result()
        finally:
            for one in pending:
                one.cancel()
            await asyncio.gather(*pending, return_exceptions=True)


@contextlib.asynccontextmanager
async def _http(engine: Engine, timeout_s: float, person: bool) -> AsyncIterator[Http]:
    """Requests for so many seconds, counted in ``engine.requests``."""
    async with Http(engine.settings, engine.ledger, engine.clock, person=person) as http:
        http.deadline = engine.clock.monotonic() + timeout_s
        try:
            yield http
        finally:
            for name, count in http.requests.items():
                engine.requests[name] = engine.requests.get(name, 0) + count


def _late(provider: str, timeout_s: float) -> Transient:
    return Transient(
        f"{provider} did not answer within {timeout_s:g} s", "try again, or allow more time with --timeout", provider
    )
