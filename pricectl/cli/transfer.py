"""``pricectl import``: a person's own bars into the store."""

from typing import Annotated, Literal

import typer

from pricectl.cli.options import Context, common
from pricectl.engine import transfer
from pricectl.errors import Busy, Locked, UsageError
from pricectl.output import json, rows, stream
from pricectl.state.runs import Run
from pricectl.store.files import format_of

COLUMNS = ("symbol", "currency", "from", "to", "added", "replaced", "over", "same")
TITLES = tuple(rows.Column(name, name.upper()) for name in COLUMNS)
_WARNED = 5  # doubtful bars that are named one by one


@common(asks=False)
def import_(
    context: Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A file, or - for standard input (CSV by default).")],
    format_: Annotated[
        Literal["csv", "parquet", "arrow"] | None,
        typer.Option("--format", help="What the file is, where its ending does not say.", show_default=False),
    ] = None,
    symbol: Annotated[
        str | None, typer.Option("--symbol", metavar="SYMBOL", help="Whose bars they are, without a symbol column.")
    ] = None,
    currency: Annotated[
        str | None, typer.Option("--currency", metavar="CUR", help="Their currency, where nothing else says.")
    ] = None,
    prices: Annotated[
        Literal["traded", "split-adjusted"] | None,
        typer.Option("--prices", help="The scale; needed where the asset has split since.", show_default=False),
    ] = None,
    dates: Annotated[
        Literal["dmy", "mdy"] | None,
        typer.Option("--dates", help="How 01/02/2024 is meant; else dates begin with the year.", show_default=False),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, and store nothing.")] = False,
) -> int:
    """Store daily bars of your own: CSV, Parquet or Arrow IPC; all rows, or none.

    \b
      pricectl import aapl.csv --symbol AAPL --prices split-adjusted
      pricectl import navs.parquet --dry-run
      cut -d, -f1-6 old.csv | pricectl import - --symbol OCDO.L --currency GBp --prices traded

    Columns by name, in any case and order: date, open, high, low, close (or close alone), volume, symbol or ticker,
    currency. A row that cannot be taken is named with its line and the reason, and nothing is stored. What you import
    is marked as yours: no provider's price ever replaces it; importing the day again does.

    Exit codes: 2 rows refused, 9 the store cannot be written, 11 another run is writing it.
    """
    began_ms = context.clock.now_ms()
    options = transfer.Options(format_ or "", symbol or "", currency or "", prices or "", dates or "")
    checked = transfer.read(context.engine, file, options)
    name = "standard input" if file == "-" else file
    for note in checked.notes:
        context.note(f"{name}: {note}")
    unit = "line" if (format_ or format_of(file) or "csv") == "csv" else "row"
    for one in checked.refused:
        stream.say(_refusal(context, one, unit))
    if checked.refused:
        count = len(checked.refused)
        said = f"{count} {unit}s" if count > 1 else f"1 {unit}"
        raise UsageError(f"{name}: {said} refused, nothing imported", "correct what is named above")
    _doubt(context, checked.doubtful, unit)
    if not dry_run:
        _store(context, checked.own, began_ms)
    _tell(context, file, checked.own, dry_run)
    return 0


def _store(context: Context, own: list[transfer.Own], began_ms: int) -> None:
    try:
        transfer.store(context.engine, own, began_ms)
    except Busy as error:
        raise Locked(str(error), error.hint) from error
    added = sum(one.added for one in own)
    transfer.log(
        context.engine,
        Run("", "import", began_ms, context.clock.now_ms(), 0, assets=len(own), bars_added=added,
            bars_revised=sum(len(one.bars) for one in own) - added),
    )  # fmt: skip


def _refusal(context: Context, refused: transfer.Refused, unit: str) -> str:
    if context.output in ("json", "jsonl"):
        return json.record({unit: refused.line, "symbol": refused.symbol or None, "reason": refused.reason})
    return f"pricectl: {unit} {refused.line}: {refused.reason}"


def _doubt(context: Context, doubtful: list[transfer.Refused], unit: str) -> None:
    for one in doubtful[:_WARNED]:
        context.warn(f"{unit} {one.line}: {one.symbol} {one.reason}; taken as it says")
    if len(doubtful) > _WARNED:
        context.warn(f"{len(doubtful) - _WARNED} more {unit}s like these, taken as they say")


def _tell(context: Context, file: str, own: list[transfer.Own], dry_run: bool) -> None:
    records = [
        {
            "symbol": one.asset.symbol,
            "currency": one.currency,
            "from": one.start.isoformat(),
            "to": one.end.isoformat(),
            "added": one.added,
            "replaced": one.replaced,
            "over": one.over,
            "same": one.same,
        }
        for one in sorted(own)
    ]
    count = sum(len(one.bars) for one in own)
    done = "would import" if dry_run else "imported"
    bars = f"{count} bar{'' if count == 1 else 's'} of {len(own)} asset{'' if len(own) == 1 else 's'}"
    context.note(f"{done} {bars}" if count else "nothing to import: stored like that already")
    document = {
        "file": file,
        "assets": records,
        "count": count,
        **{name: sum(getattr(one, name) for one in own) for name in ("added", "replaced", "over", "same")},
        "dryRun": dry_run,
    }
    context.show(document, "assets", COLUMNS, TITLES)
