"""The one list of column names: what a price, a bar, an asset and an error are called in every format.

Prices become text in ``line``, which the front door shares; everything else becomes a record here first.
A record is a mapping from these names to values. Numbers that must keep their digits are ``Number``; missing is
None, never 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Union

from pricectl.output.line import COLUMNS as PRICE
from pricectl.output.line import SCHEMA_VERSION

if TYPE_CHECKING:
    from pricectl.errors import PricectlError
    from pricectl.model.asset import Asset
    from pricectl.model.bar import Row
    from pricectl.model.quote import Miss

__all__ = ["ASSET", "ASSET_TABLE", "BAR", "BAR_TABLE", "ERROR", "PRICE", "SCHEMA_VERSION", "Column", "Number",
           "Record", "Value", "asset", "bar", "error", "miss"]  # fmt: skip


class Number(str):
    """A number given by its digits in plain notation (``65000.1``): printed without quotes, digit for digit."""

    __slots__ = ()


Value = Union[None, bool, int, float, str, Mapping[str, "Value"], Sequence["Value"]]  # noqa: UP007 (recursive)
Record = Mapping[str, Value]


class Column(NamedTuple):
    """A column of a table: the key in the record and the title above it."""

    key: str
    title: str


BAR = ("date", "open", "high", "low", "close", "volume", "interval")
ASSET = (
    "symbol", "name", "type", "category", "code", "provider", "provider_id", "currency", "exchange", "active",
    "followed", "fallbacks",
)  # fmt: skip
ERROR = ("symbol", "code", "message")

BAR_TABLE = tuple(Column(key, key.upper()) for key in BAR)
ASSET_TABLE = (
    Column("symbol", "SYMBOL"),
    Column("name", "NAME"),
    Column("type", "TYPE"),
    Column("category", "CATEGORY"),
    Column("provider", "PROVIDER"),
    Column("provider_id", "ID"),
    Column("currency", "CURRENCY"),
    Column("exchange", "EXCHANGE"),
)


def bar(row: Row) -> dict[str, Value]:
    """The record of a bar. ``final`` is there only when it is false."""
    record: dict[str, Value] = {
        "date": row.date.isoformat(),
        "open": row.open,
        "high": row.high,
        "low": row.low,
        "close": row.close,
        "volume": row.volume,
        "interval": row.interval,
    }
    if not row.final:
        record["final"] = False
    return record


def asset(asset: Asset) -> dict[str, Value]:
    """The record of an asset of the catalogue; what is not known is null."""
    fields = asset._asdict()
    return {key: fields[key] if fields[key] != "" else None for key in ASSET}


def miss(miss: Miss) -> dict[str, Value]:
    """The record of a symbol without an answer."""
    return {"symbol": miss.symbol, "code": miss.error.code, "message": str(miss.error)}


def error(error: PricectlError) -> dict[str, Value]:
    """The object that stands on stderr with ``--json``: ``{"error": {"code", "message", "hint"}}``."""
    return {"error": {"code": error.code, "message": str(error), "hint": error.hint}, "schemaVersion": SCHEMA_VERSION}
