"""``pricectl price`` and ``pricectl batch``: current prices through the three tiers."""

from collections.abc import Sequence
from typing import Annotated

import typer

from pricectl.cli import asked
from pricectl.cli.options import Context, common, one_line
from pricectl.engine import prices
from pricectl.errors import NotFresh
from pricectl.model.quote import Answer, Miss
from pricectl.output import json, line, rows, stream, terminal

PARTIAL = 3


@common
def price(
    context: Context,
    symbol: Annotated[str, typer.Argument(help="BTC, AAPL, EURUSD, or with its provider: yahoo:NVDA.")],
) -> int:
    """Show the current price of one asset.

    \b
      pricectl price BTC
      pricectl price AAPL --json | jq .price
      pricectl price yahoo:NVDA --max-age 5m
      pricectl price BTC --offline           what is known without asking

    Looks in the cache, then the store, then asks the provider. Exit codes: 0, also for a stale answer because
    the provider failed; 4 unknown symbol; 6 not fresh enough; 7 rate limited; 8 provider failed.
    """
    (outcome,) = prices.get(context.engine, [symbol], _wish(context))
    if isinstance(outcome, Miss):
        raise outcome.error
    _print(context, [outcome], single=True)
    return _exit_code([outcome], context)


@common
def batch(
    context: Context,
    symbols: Annotated[
        list[str] | None, typer.Argument(metavar="[SYMBOL...|-]", help="Symbols, or - for stdin.")
    ] = None,
    file: Annotated[str | None, typer.Option("--file", metavar="F", help="Read the symbols from a file.")] = None,
    type_: Annotated[
        str | None, typer.Option("--type", metavar="T", help="All assets of a type: crypto, stock...")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="The whole catalogue.")] = False,
) -> int:
    """Show the current prices of many assets, in the order asked; one bad symbol never sinks the rest.

    \b
      pricectl batch BTC AAPL EURUSD
      pricectl batch --type crypto --json | jq '.prices[].price'
      jq .holdings[].symbol p.json -r | pricectl batch - -o csv
      pricectl batch - -o jsonl              a co-process: a line in, a line out

    - and --file take lines, a JSON array, or {"symbols": [...]}. Exit codes: 3 when some failed; when all failed
    for one cause, that cause's code.
    """
    if symbols == ["-"] and context.output == "jsonl" and not (file or type_ or everything):
        return _converse(context)
    names = asked.symbols(context, symbols or [], file, type_, everything)
    outcomes = prices.get(context.engine, names, _wish(context))
    _print(context, outcomes, single=False)
    return _exit_code(outcomes, context)


def _wish(context: Context) -> prices.Wish:
    patient = context.settings.origins["timeout"] == "default"
    return prices.Wish(context.settings.timeout_s, context.max_age_s, context.offline, context.refresh, patient)


def _converse(context: Context) -> int:
    """Answer lines as they arrive, each at once; a JSON document is taken as a whole."""
    wish = _wish(context)
    seen: list[Answer | Miss] = []
    arriving = asked.arriving()
    for lines in arriving:
        if not seen and lines[0][:1] in ("[", "{"):
            rest = [one for more in arriving for one in more]
            lines = asked.parsed("\n".join([*lines, *rest]).encode("utf-8", "surrogateescape"), "standard input")
        outcomes = prices.get(context.engine, lines, wish)
        _print(context, outcomes, single=False)
        seen += outcomes
    return _exit_code(seen, context)


def _print(context: Context, outcomes: Sequence[Answer | Miss], *, single: bool) -> None:
    """All outcomes in the format asked for; what failed goes to stderr where the format has no place for it."""
    answers = [one for one in outcomes if isinstance(one, Answer)]
    misses = [one for one in outcomes if isinstance(one, Miss)]
    if context.output == "json" and not single:
        context.write(line.batch_object(answers, [json.record(rows.miss(one)) for one in misses]) + "\n")
        return
    if context.output == "jsonl":
        for one in outcomes:
            context.write((line.record(one) if isinstance(one, Answer) else _failed(one)) + "\n", flush=True)
        return
    if context.output == "csv" or answers:
        context.write(_text(context, answers, single=single) + "\n")
    for text in _complaints(misses):
        stream.say(f"pricectl: {text}")


def _complaints(misses: Sequence[Miss]) -> list[str]:
    """A line for each cause, not for each symbol: an outage of a thousand symbols is one thing to know."""
    causes: dict[tuple[str, str], list[str]] = {}
    for miss in misses:
        causes.setdefault((str(miss.error), miss.error.hint), []).append(miss.symbol)
    lines = []
    for (message, hint), symbols in causes.items():
        more = f" ({len(symbols)} symbols: {', '.join(symbols[:5])}{', ...' if len(symbols) > 5 else ''})"
        lines.append(one_line(message + (more if len(symbols) > 1 else ""), hint))
    return lines


def _text(context: Context, answers: Sequence[Answer], *, single: bool) -> str:
    """The text that the front door prints too; on a terminal with colour, the heading stands out, stale rows recede."""
    text = line.text(answers, context.output, single=single)
    if context.output != "table" or not context.screen.colour:
        return text
    heading, *lines = text.split("\n")
    painted = [
        f"{terminal.DIM}{row}{terminal.PLAIN}" if answer.stale else row
        for row, answer in zip(lines, answers, strict=True)
    ]
    return "\n".join([f"{terminal.BOLD}{heading}{terminal.PLAIN}", *painted])


def _failed(miss: Miss) -> str:
    error = {"code": miss.error.code, "message": str(miss.error)}
    return json.record(json.with_version({"symbol": miss.symbol, "error": error}))


def _exit_code(outcomes: Sequence[Answer | Miss], context: Context) -> int:
    """0; 3 when some failed; the one cause's code when all did; 6 when an answer is older than ``--max-age``."""
    codes = {one.error.exit_code for one in outcomes if isinstance(one, Miss)}
    if codes:
        all_failed = all(isinstance(one, Miss) for one in outcomes)
        return codes.pop() if all_failed and len(codes) == 1 else PARTIAL
    too_old = context.max_age_s is not None and any(isinstance(one, Answer) and one.stale for one in outcomes)
    return NotFresh.exit_code if too_old else 0
