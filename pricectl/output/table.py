"""Tables for people: a title row, two blanks between columns, numbers to the right, no borders.

In a pipe they are plain, whole and untruncated. Our own forty lines because rich takes 50 ms to import.
"""

import math
from collections.abc import Iterable, Iterator, Sequence

from pricectl.output.json import value as json_value
from pricectl.output.rows import Column, Number, Record, Value
from pricectl.output.terminal import DIM, PIPE, PLAIN, Screen
from pricectl.output.text import cut, safe, width

NULL, ASCII_NULL = "–", "-"
GAP = "  "
_NARROWEST = 8  # a text column is not cut below this


def plain(number: float) -> str:
    """A float in plain notation, shortest digits that give it back, whole numbers without ``.0``."""
    if not math.isfinite(number):
        return str(number)
    text = repr(number)
    if "e" in text:
        from decimal import Decimal

        text = format(Decimal(text), "f")
    return text.removesuffix(".0")


def cell(key: str, item: Value, screen: Screen = PIPE) -> str:
    """The text of one value. ``stale`` is said in a word, so that it does not hang on colour."""
    if key == "stale":
        return "stale" if item else ""
    if item is None or item == "":
        return NULL if screen.unicode else ASCII_NULL
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, str):
        return str(item) if isinstance(item, Number) else safe(item, 200 if screen.terminal else 0)
    if isinstance(item, float):
        return plain(item)
    return json_value(item)


def _is_number(item: Value) -> bool:
    return isinstance(item, Number | int | float) and not isinstance(item, bool)


def _fit(widths: list[int], right: Sequence[bool], screen: Screen) -> list[int]:
    """The widths for a terminal: the widest text column gives way first, numbers never."""
    widths = list(widths)
    while screen.width is not None and sum(widths) + len(GAP) * (len(widths) - 1) > screen.width:
        texts = [(taken, index) for index, taken in enumerate(widths) if not right[index] and taken > _NARROWEST]
        if not texts:
            break
        widths[max(texts)[1]] -= 1
    return widths


def lines(columns: Sequence[Column], records: Iterable[Record], screen: Screen = PIPE) -> Iterator[str]:
    """The lines of a table, line ends included. A record with ``stale`` set is also dimmed where there is colour."""
    kept = list(records)
    texts = [[cell(column.key, fields.get(column.key), screen) for column in columns] for fields in kept]
    # A number column holds numbers and nulls only, and at least one number.
    right = [
        any(_is_number(f.get(c.key)) for f in kept)
        and all(_is_number(f.get(c.key)) or f.get(c.key) is None for f in kept)
        for c in columns
    ]
    titles = [column.title for column in columns]
    widths = [max(map(width, shown)) for shown in zip(titles, *texts, strict=True)]
    fitted = _fit(widths, right, screen)
    for index, shown in enumerate([titles, *texts]):
        line = GAP.join(
            " " * (room - width(text)) + text if flush else (t := cut(text, room)) + " " * (room - width(t))
            for text, room, flush in zip(shown, fitted, right, strict=True)
        ).rstrip()
        dim = screen.colour and index > 0 and bool(kept[index - 1].get("stale"))
        yield f"{DIM}{line}{PLAIN}\n" if dim else f"{line}\n"


def pairs(fields: Record, screen: Screen = PIPE) -> Iterator[str]:
    """One record as ``name  value`` lines; ``schemaVersion`` is for machines and left out."""
    shown = {key: item for key, item in fields.items() if key != "schemaVersion"}
    room = max(map(len, shown), default=0)
    for key, item in shown.items():
        yield f"{key:<{room}}{GAP}{cell('', item, screen)}\n"
