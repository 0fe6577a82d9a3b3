"""``pricectl history``: the bars of one asset over a span of days."""

from typing import Annotated, Literal

import typer

from pricectl.cli.options import Context, common
from pricectl.engine import history as engine
from pricectl.engine.ranges import RANGES, read_wish
from pricectl.errors import NotFresh, UsageError
from pricectl.output import rows

PARTIAL = 3
_SHOWN = {"none": "as traded", "split": "adjusted for splits", "all": "adjusted for splits and dividends"}


@common
def history(
    context: Context,
    symbol: Annotated[str, typer.Argument(help="BTC, AAPL, EURUSD, or with its provider: yahoo:NVDA.")],
    range_: Annotated[
        str | None,
        typer.Option("--range", metavar="RANGE", help=f"{' '.join(RANGES)}; 1m where no dates are given."),
    ] = None,
    first: Annotated[str | None, typer.Option("--from", metavar="DATE", help="First day, YYYY-MM-DD.")] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="Last day, inclusive; alone, where the range ends.")
    ] = None,
    interval: Annotated[
        Literal["auto", "1d", "1wk", "1mo"],
        typer.Option("--interval", help="auto: days, then weeks, then months as the past recedes."),
    ] = "auto",
    adjust: Annotated[
        Literal["none", "split", "all"],
        typer.Option("--adjust", help="As traded, for splits, or for dividends too."),
    ] = "split",
    include_today: Annotated[
        bool, typer.Option("--include-today", help="Add the day, week and month still running.")
    ] = False,
    chart: Annotated[bool, typer.Option("--chart", help="Draw the closes.")] = False,
) -> int:
    """Show the bars of one asset: open, high, low, close, volume.

    \b
      pricectl history BTC --range 1y
      pricectl history AAPL --from 2020-08-24 --to 2020-09-04 --adjust none
      pricectl history GC=F --range 10y --interval 1mo --chart
      pricectl history EURUSD -o csv > eurusd.csv

    Completed sessions only, from the store; what it lacks is asked for once. Exit codes: 3 when the provider failed
    and part is missing, 6 when it is missing and --offline; 4 unknown symbol; 7 rate limited; 8 provider failed.
    """
    if chart and context.output != "table":
        raise UsageError(f"--chart and -o {context.output} exclude each other", "give one of the two")
    wish = read_wish(range_, first, last)
    answer = engine.get(
        context.engine,
        engine.Query(symbol, wish, interval, adjust, include_today, context.offline, context.refresh),
    )
    if chart:
        _draw(context, answer)
    else:
        _print(context, answer, include_today)
    if not answer.rows:
        context.note(f"{answer.asset.symbol} has no completed session from {answer.start} to {answer.end}")
    if answer.complete:
        return 0
    return NotFresh.exit_code if context.offline else PARTIAL


def _print(context: Context, answer: engine.Answer, include_today: bool) -> None:
    """The bars in the format asked for. What a JSON object says of all its bars, a table says above them, and a line
    of csv or jsonl of itself: a price without a currency is none."""
    records = [_rounded(rows.bar(row)) for row in answer.rows]
    columns: tuple[str, ...] = rows.BAR
    titles = rows.BAR_TABLE
    if include_today and context.output in ("table", "csv"):
        records = [{**record, "final": row.final} for record, row in zip(records, answer.rows, strict=True)]
        columns, titles = (*columns, "final"), (*titles, rows.Column("final", "FINAL"))
    if context.output in ("csv", "jsonl"):
        said = {"symbol": answer.asset.symbol, "currency": answer.currency or None, "adjusted": answer.adjust}
        records = [{**record, **said} for record in records]
        columns = (*columns, *said)
    if context.output == "table" and records:
        context.write(_title(answer) + "\n")
    context.show(document(answer, records), "data", columns, titles)


def _rounded(record: dict[str, rows.Value]) -> dict[str, rows.Value]:
    """A sum of volumes in the fifteen digits that a float64 surely holds: 6722.170050000001 is 6722.17005."""
    volume = record["volume"]
    summed = isinstance(volume, float) and record["interval"] != "1d"
    return {**record, "volume": float(f"{volume:.15g}")} if summed else record


def _title(answer: engine.Answer) -> str:
    from pricectl.output.text import safe

    return safe(f"{answer.asset.symbol}  {answer.currency}, {_SHOWN[answer.adjust]}")


def document(answer: engine.Answer, records: list[dict[str, rows.Value]]) -> dict[str, rows.Value]:
    """The JSON object of the contract; ``asked`` is there when it differs from the canonical symbol."""
    said: dict[str, rows.Value] = {
        "symbol": answer.asset.symbol,
        "range": answer.range or None,
        "data": records,
        "count": len(records),
        "currency": answer.currency or None,
        "provider": answer.asset.provider,
        "adjusted": answer.adjust,
        "from": answer.start.isoformat(),
        "to": answer.end.isoformat(),
        "segments": [
            {"interval": part.interval, "from": part.start.isoformat(), "to": part.end.isoformat(), "count": count}
            for part, count in answer.segments
        ],
        "complete": answer.complete,
    }
    if answer.asked != answer.asset.symbol:
        said["asked"] = answer.asked
    return said


def _draw(context: Context, answer: engine.Answer) -> None:
    from pricectl.output import chart

    points = [(row.date.isoformat(), row.close) for row in answer.rows]
    drawn = chart.lines(points, _title(answer), context.width, context.screen.unicode)
    context.write("".join(line + "\n" for line in drawn))
