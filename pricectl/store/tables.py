"""The three Delta tables: their columns, and what is known of each of their parts without opening it."""

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from pricectl.errors import Damaged
from pricectl.model.bar import INTERVALS

FORMAT = 1  # what this pricectl writes and reads; a higher one in the log is NewerFormat

_NAME = re.compile(rf"(interval=({'|'.join(INTERVALS)})/year=\d{{4}}/)?[0-9a-f]{{32}}-[0-9a-f]{{64}}\.parquet")


class Table(NamedTuple):
    """A Delta table: ``columns`` are (name, Delta type); ``first`` and ``last`` name the columns that hold the first
    and the last day that a row speaks of."""

    name: str
    columns: tuple[tuple[str, str], ...]
    first: str
    last: str
    partition_by: tuple[tuple[str, str], ...] = ()


BARS = Table(
    "bars",
    (
        ("symbol", "string"),
        ("provider", "string"),
        ("provider_id", "string"),
        ("currency", "string"),
        ("date", "date"),
        # Of a weekly or monthly piece, of which ``date`` is the first session: the last one (a piece ends before an
        # ex-date too), and how many it holds, which tells whether days that come late are all. Null for a day.
        ("until", "date"),
        ("sessions", "integer"),
        ("open", "double"),
        ("high", "double"),
        ("low", "double"),
        ("close", "double"),
        ("volume", "double"),
        ("fetched_at", "timestamp"),
        ("flags", "integer"),
    ),
    "date",
    "until",
    (("interval", "string"), ("year", "integer")),
)
ACTIONS = Table(
    "actions",
    (
        ("provider", "string"),
        ("provider_id", "string"),
        ("ex_date", "date"),
        ("kind", "string"),
        ("value", "double"),
        ("currency", "string"),
        ("withdrawn", "boolean"),  # the provider no longer tells it
        ("fetched_at", "timestamp"),
    ),
    "ex_date",
    "ex_date",
)
COVERAGE = Table(
    "coverage",
    (
        ("provider", "string"),
        ("provider_id", "string"),
        ("first_day", "date"),
        ("last_day", "date"),
        ("fetched_at", "timestamp"),
    ),
    "first_day",
    "last_day",
)


class Part(NamedTuple):
    """One Parquet file of a table and the bounds of what it holds; days are ISO texts."""

    path: str  # below the table's folder
    size: int
    rows: int
    provider_low: str
    provider_high: str
    id_low: str
    id_high: str
    first: str
    last: str

    @property
    def interval(self) -> str:
        return self.path[len("interval=") : self.path.index("/")]

    @property
    def year(self) -> int:
        return int(self.path.split("/")[1][len("year=") :])

    @property
    def sha256(self) -> str:
        return self.path[-len(".parquet") - 64 : -len(".parquet")]

    def may_reach(self, first: str, last: str) -> bool:
        return self.first <= last and first <= self.last

    def line(self) -> str:
        return "\t".join(map(str, self))


def part_of(line: str) -> Part:
    """The part of ``Part.line``. Raises ValueError, or Damaged for a name that pricectl never gives."""
    path, size, rows, *bounds = line.split("\t")
    if not _NAME.fullmatch(path):
        raise Damaged(f"the store lists a part that is none of its own: {path!r}", "run `pricectl doctor`")
    return Part(path, int(size), int(rows), *bounds)


def stats(table: Table, part: Part) -> str:
    """What a Delta log says of a part, so that any reader can leave out parts that cannot hold what it seeks."""
    low = {"provider": part.provider_low, "provider_id": part.id_low, table.first: part.first}
    high = {"provider": part.provider_high, "provider_id": part.id_high}
    if table is not BARS:
        high[table.last] = part.last
    elif part.interval == "1d":
        high[table.first] = part.last
    else:
        high[table.last] = part.last
    return json.dumps({"numRecords": part.rows, "minValues": low, "maxValues": high})


def columns_of(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
