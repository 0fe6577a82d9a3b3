"""What ``sql`` shows beside the store: the catalogue, the runs, figures, the providers' budgets, as rows."""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pricectl.engine import figures
from pricectl.store.views import Facts

if TYPE_CHECKING:
    from pricectl.engine import Engine
    from pricectl.engine.figures import View

ASSETS = (
    ("symbol", "VARCHAR"), ("name", "VARCHAR"), ("type", "VARCHAR"), ("category", "VARCHAR"), ("code", "VARCHAR"),
    ("provider", "VARCHAR"), ("provider_id", "VARCHAR"), ("currency", "VARCHAR"), ("exchange", "VARCHAR"),
    ("active", "BOOLEAN"), ("followed", "BOOLEAN"), ("own", "BOOLEAN"),
)  # fmt: skip
_TYPES = {"string": "VARCHAR", "long": "BIGINT", "double": "DOUBLE", "boolean": "BOOLEAN", "timestamp": "TIMESTAMPTZ"}


def facts(engine: "Engine") -> list[Facts]:
    """The tables ``assets``, ``runs``, ``metrics`` and ``provider_limits``; each is read when it is asked for."""
    return [
        Facts("assets", ASSETS, lambda: _assets(engine)),
        _of("runs", figures.RUNS, lambda: figures.runs(engine)),
        _of("metrics", figures.METRICS, lambda: figures.view(engine)),
        _of("provider_limits", figures.PROVIDER_LIMITS, lambda: figures.provider_limits(engine)),
    ]


def _assets(engine: "Engine") -> list[Sequence[Any]]:
    names = [name for name, _ in ASSETS]
    return [[getattr(asset, name) for name in names] for asset in engine.catalogue.all(active=None)]


def _of(name: str, columns: Sequence[tuple[str, str]], view: Callable[[], "View"]) -> Facts:
    return Facts(
        name,
        tuple((column, _TYPES[kind]) for column, kind in columns),
        lambda: [[_plain(item) for item in row] for row in view().rows],
    )


def _plain(item: Any) -> Any:
    return round(item.timestamp() * 1000) if isinstance(item, dt.datetime) else item
