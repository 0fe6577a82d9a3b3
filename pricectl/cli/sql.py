"""``pricectl sql``: one SELECT over the views, in every format."""

import datetime as dt
import os
import sys
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pricectl.cli.options import Context, common
from pricectl.errors import UsageError
from pricectl.output.rows import Number, Value

if TYPE_CHECKING:
    from pricectl.store.sql import Column, Sql

USUAL_S = 30.0
_LONGEST = 1_000_000  # characters of a statement

Statement = Annotated[
    str, typer.Argument(metavar="SELECT", show_default=False, help="The statement; - reads it from stdin.")
]
Limit = Annotated[int, typer.Option("--limit", metavar="N", min=1, help="Show no more rows than this.")]


@common(asks=False)
def sql(context: Context, statement: Statement, limit: Limit = 1_000_000) -> None:
    """Ask the store and what is known around it with one SELECT.

    \b
      pricectl sql "SHOW TABLES"
      pricectl sql "DESCRIBE bars"
      pricectl sql "SELECT symbol, max(high) FROM daily GROUP BY symbol ORDER BY 2 DESC" --limit 10
      pricectl sql "SELECT * FROM weekly WHERE symbol = 'AAPL'" -o csv > aapl.csv
      pricectl sql - < question.sql

    Views: assets, latest_prices; daily, weekly, monthly and bars (all three), adjusted for splits; bars_raw and
    actions, as stored; runs, metrics, provider_limits. Instants are UTC.

    Nothing can be written, no file and no network is reached, no extension loaded, no setting changed; a query may
    take 30 seconds (--timeout) and 1 GiB. It is a guard against accidents, no sandbox for statements of strangers.
    """
    from pricectl.engine.facts import facts
    from pricectl.store.sql import Sql, bound_memory

    text = _statement(statement)
    seconds = context.settings.timeout_s if context.settings.origins["timeout"] == "flag" else USUAL_S
    bound_memory()
    asked = Sql(context.engine.store, facts(context.engine), seconds)
    try:
        asked.ask(text)
        _show(context, asked, limit)
    finally:
        if asked.stuck:
            _end_quietly()
        asked.close()


def _end_quietly() -> None:
    """A call inside DuckDB heard no interrupt and dies with the process; its library would complain on stderr."""
    import atexit

    def hush() -> None:
        sys.stderr.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)

    atexit.register(hush)


def _statement(given: str) -> str:
    text = sys.stdin.read(_LONGEST + 1) if given == "-" else given
    if len(text) > _LONGEST:
        raise UsageError("the statement is longer than a million characters", "write the values into a file of assets")
    return text


def _show(context: Context, asked: "Sql", limit: int) -> None:
    from pricectl.output import csv, json
    from pricectl.output.rows import Column as Title
    from pricectl.output.text import safe

    names = [column.name for column in asked.columns]
    zoned = [_zoned(column) for column in asked.columns]
    batches = ([_record(names, zoned, row) for row in batch] for batch in asked.rows(limit))
    shown = 0
    if context.output in ("csv", "jsonl"):
        if context.output == "csv":
            context.write(csv.line(names))
        for records in batches:
            context.write(
                json.lines(records) if context.output == "jsonl" else (csv.line(one.values()) for one in records)
            )
            shown += len(records)
        complete = not (shown == limit and asked.has_more())
    else:
        found = [record for records in batches for record in records]
        shown = len(found)
        complete = not (shown == limit and asked.has_more())
        columns = [{"name": column.name, "type": column.type} for column in asked.columns]
        document = {"columns": columns, "rows": found, "count": shown, "complete": complete}
        context.show(document, "rows", names, [Title(name, safe(name)) for name in names])
        if not found and context.output == "table":
            context.note("no rows")
    if not complete:
        context.warn(f"there are more than {limit} rows", "--limit shows more")


def _zoned(column: "Column") -> bool:
    return "WITH TIME ZONE" in column.type


def _record(names: Sequence[str], zoned: Sequence[bool], row: Sequence[Any]) -> dict[str, Value]:
    return {name: _value(item, utc) for name, item, utc in zip(names, row, zoned, strict=True)}


def _value(item: Any, utc: bool) -> Value:
    """A value of DuckDB as one of ours: instants as text with Z where they are UTC, exact numbers by their digits."""
    if item is None or isinstance(item, bool | int | float | str):
        return item
    if isinstance(item, Decimal):
        return Number(format(item, "f")) if item.is_finite() else None
    if isinstance(item, dt.datetime):
        return item.isoformat() + ("Z" if utc and item.tzinfo is None else "")
    if isinstance(item, dt.date | dt.time):
        return item.isoformat()
    if isinstance(item, bytes):
        return item.hex()
    if isinstance(item, dict):
        return {str(key): _value(part, utc) for key, part in item.items()}
    if isinstance(item, list | tuple):
        return [_value(part, utc) for part in item]
    return str(item)
