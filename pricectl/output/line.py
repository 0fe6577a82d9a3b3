"""Quotes as text, in every format: what ``price`` and ``batch`` print.

The front door and the long way both print through this module: their text is the same because it is the same
code. It imports next to nothing, so an answer is taken as the plain tuple that ``model.quote.Answer`` also is:
(symbol, asked, quote, source, stale), with the quote in the order of ``Quote``'s fields. Layout: a record is one
line of JSON; the object round a list of records has a key a line, so that a person can read it and ``grep`` it.
"""

from __future__ import annotations

from pricectl.model.instant import iso
from pricectl.output.text import csv_cell, safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

QuoteFields = tuple[str, str, str, str, "str | None", int, int, int]
Answered = tuple[str, str, QuoteFields, str, bool]

FORMATS = ("table", "json", "jsonl", "csv")
SCHEMA_VERSION = 1
COLUMNS = (
    "symbol",
    "price",
    "change24h",
    "updatedAt",
    "source",
    "asked",
    "currency",
    "provider",
    "fetchedAt",
    "stale",
)
_TITLES = ("SYMBOL", "PRICE", "CURRENCY", "CHANGE %", "UPDATED", "SOURCE")
_RIGHT = (False, True, False, True, False, False)
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.:-_=^/& ")


def quoted(text: str) -> str:
    """``text`` as a JSON string. json itself costs 5 ms to import: it is asked only for unusual characters."""
    if _PLAIN.issuperset(text):
        return f'"{text}"'
    import json

    return json.dumps(text)


def record(answer: Answered) -> str:
    """One answer as one line of JSON, keys in the contract's order; ``asked`` only where it differs."""
    symbol, asked, quote, source, stale = answer
    provider, _, price, currency, change, updated_ms, fetched_ms, _ = quote
    differs = f'"asked": {quoted(asked)}, ' if asked != symbol else ""
    return (
        f'{{"symbol": {quoted(symbol)}, "price": {price}, "change24h": {change or "null"}, '
        f'"updatedAt": "{iso(updated_ms)}", "source": "{source}", {differs}"currency": {quoted(currency)}, '
        f'"provider": {quoted(provider)}, "fetchedAt": "{iso(fetched_ms)}", '
        f'"stale": {"true" if stale else "false"}, "schemaVersion": {SCHEMA_VERSION}}}'
    )


def batch_object(answers: Sequence[Answered], errors: Sequence[str] = ()) -> str:
    """A batch as one JSON object; ``errors`` are records that are JSON text already."""
    count = {"cache": 0, "store": 0, "provider": 0}
    for answer in answers:
        count[answer[3]] += 1
    return (
        f'{{\n  "prices": {_list([record(answer) for answer in answers])},\n  "cached": {count["cache"]},\n'
        f'  "fetched": {count["provider"]},\n  "total": {len(answers) + len(errors)},\n'
        f'  "stored": {count["store"]},\n  "failed": {len(errors)},\n  "errors": {_list(errors)},\n'
        f'  "schemaVersion": {SCHEMA_VERSION}\n}}'
    )


def _list(records: Sequence[str]) -> str:
    return "[\n    " + ",\n    ".join(records) + "\n  ]" if records else "[]"


def csv_header() -> str:
    return ",".join(COLUMNS)


def csv_line(answer: Answered) -> str:
    """One answer as a CSV line; text that a spreadsheet would run gets a leading apostrophe, numbers never do."""
    symbol, asked, quote, source, stale = answer
    provider, _, price, currency, change, updated_ms, fetched_ms, _ = quote
    return ",".join(
        (
            csv_cell(symbol),
            price,
            change or "",
            iso(updated_ms),
            source,
            csv_cell(asked) if asked != symbol else "",
            csv_cell(currency),
            csv_cell(provider),
            iso(fetched_ms),
            "true" if stale else "false",
        )
    )


def _row(answer: Answered) -> tuple[str, ...]:
    symbol, _, quote, source, stale = answer
    _, _, price, currency, change, updated_ms, _, _ = quote
    signed = "-" if change is None else change if change.startswith("-") else f"+{change}"
    return (safe(symbol), price, safe(currency), signed, iso(updated_ms), f"{source} (stale)" if stale else source)


def table(answers: Sequence[Answered]) -> str:
    """The answers as a plain table with a heading, numbers to the right, nothing cut; empty for no answers."""
    rows = [_row(answer) for answer in answers]
    if not rows:
        return ""
    widths = [max(map(len, column)) for column in zip(_TITLES, *rows, strict=True)]
    lines = []
    for row in (_TITLES, *rows):
        cells = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, _RIGHT, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def text(answers: Sequence[Answered], output: str, *, single: bool) -> str:
    """All answers in one ``output`` format, no newline at the end; ``single`` is ``price``, not ``batch``."""
    if output == "table":
        return table(answers)
    if output == "csv":
        return "\n".join([csv_header(), *map(csv_line, answers)])
    if output == "json" and not single:
        return batch_object(answers)
    return "\n".join(map(record, answers))
