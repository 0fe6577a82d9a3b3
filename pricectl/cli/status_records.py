"""What ``pricectl status`` found, as the records that every format shows."""

from typing import TYPE_CHECKING

from pricectl.model.instant import iso
from pricectl.output.rows import Record, Value

if TYPE_CHECKING:
    from pricectl.engine.pulse import Pulse
    from pricectl.engine.report import Limit, Lookups, Oldest, Status
    from pricectl.state.runs import Run


FIGURE = ("name", "label", "value")


def figure(found: tuple[str, str, float]) -> dict[str, Value]:
    name, label, value = found
    return {"name": name, "label": label or None, "value": int(value) if value.is_integer() else value}


def document(home: str, found: "Status") -> Record:
    assets, coverage = found.assets, found.coverage
    return {
        "asOf": iso(found.now_ms),
        "home": home,
        "runs": [run(one) for one in found.runs],
        "lastSuccessAt": _instant(found.succeeded.finished_ms) if found.succeeded else None,
        "assets": None
        if assets is None
        else {
            "followed": assets.followed,
            "fresh": assets.fresh,
            "stale": assets.stale,
            "missing": assets.missing,
            "failing": assets.failing,
        },
        "oldestPrice": _oldest(found, assets and assets.oldest),
        "oldestStalePrice": _oldest(found, assets and assets.oldest_stale),
        "lookups": {**_lookups(found.ever), "lastHour": _lookups(found.last_hour)},
        "providers": [limit(one) for one in found.limits],
        "store": None
        if found.holdings is None
        else {"bytes": sum(held.bytes for held in found.holdings), "diskBytes": found.disk_bytes},
        "tiers": tiers(found),
        "coverage": None if coverage is None else coverage._asdict(),
        "failing": failing(found),
        "troubles": list(found.troubles),
    }


def run(one: "Run") -> dict[str, Value]:
    return {
        "runId": one.run_id,
        "command": one.command,
        "startedAt": iso(one.started_ms),
        "finishedAt": iso(one.finished_ms),
        "seconds": round((one.finished_ms - one.started_ms) / 1000, 3),
        "exitCode": one.exit_code,
        "assets": one.assets,
        "quotes": {"ok": one.quotes_ok, "failed": one.quotes_failed, "skipped": one.quotes_skipped},
        "bars": {"added": one.bars_added, "revised": one.bars_revised},
        "requests": dict(one.requests),
        "errors": [failure._asdict() for failure in one.errors],
        "oldestPriceAt": _instant(one.oldest_ms or None),
        "message": one.message or None,
    }


def limit(limit: "Limit") -> dict[str, Value]:
    host, now = limit.host, limit.standing
    return {
        "provider": host.name,
        "requestsPerMinute": now.requests,
        "available": round(now.available, 1),
        "burst": host.burst,
        "ratePerSecond": round(host.rate_per_s, 3),
        "atOnce": host.at_once,
        "usedWeight": now.used if host.weight_per_minute else None,
        "weightPerMinute": host.weight_per_minute or None,
        "breaker": now.breaker,
        "breakerSeconds": round(now.breaker_s, 1),
        "pauseSeconds": round(now.pause_s, 1),
        "reason": now.reason or None,
        "banned": now.banned,
        "shared": now.shared,
    }


def tiers(found: "Status") -> list[dict[str, Value]]:
    return [
        {"tier": one.name, "rows": one.rows, "bytes": one.bytes, "parts": one.parts, "from": one.first or None,
         "to": one.last or None}
        for one in found.holdings or ()
    ]  # fmt: skip


def failing(found: "Status") -> list[dict[str, Value]]:
    return [
        {"symbol": symbol, "code": why.code, "message": why.message, "since": iso(why.since_ms)}
        for symbol, why in sorted(found.failing.items())
    ]


def _lookups(found: "Lookups") -> dict[str, Value]:
    rate = found.rate
    return {"hits": found.hits, "misses": found.misses, "hitRate": None if rate is None else round(rate, 4)}


def _oldest(found: "Status", oldest: "Oldest | None") -> dict[str, Value] | None:
    if oldest is None:
        return None
    age_s = (found.now_ms - oldest.fetched_ms) / 1000
    return {"symbol": oldest.symbol, "fetchedAt": iso(oldest.fetched_ms), "ageSeconds": age_s}


def _instant(ms: int | None) -> str | None:
    return None if ms is None else iso(ms)


def pulse(found: "Pulse", max_age_s: float) -> dict[str, Value]:
    return {
        "fresh": found.wrong is None,
        "maxAgeSeconds": max_age_s,
        "lastSuccessAt": _instant(found.success_ms),
        "lastSuccessAgeSeconds": found.success_age_s,
        "oldestPriceAt": _instant(found.oldest_ms),
        "oldestPriceAgeSeconds": found.oldest_age_s,
    }
