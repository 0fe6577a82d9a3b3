"""Tables for people: a title row, two blanks between columns, numbers to the right, no borders.

In a pipe they are plain, whole and untruncated. Our own forty lines because rich takes 50 ms to import.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import cast

from pricectl.output.json import value as json_value
from pricectl.output.rows import Column, Number, Record, Value
from pricectl.output.terminal import BOLD, DIM, PIPE, PLAIN, Screen
from pricectl.output.text import cut, safe, width

NULL, ASCII_NULL = "–", "-"
GAP = "  "
_NARROWEST = 8  # a text column is not cut below this
_NUMBERS = {int, float, Number}
_LONGEST = 200  # characters of one text that a terminal is shown


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
        return str(item) if isinstance(item, Number) else safe(item, _LONGEST if screen.terminal else 0)
    if isinstance(item, float):
        return plain(item)
    return json_value(item)


def _to_the_right(items: Sequence[Value]) -> bool:
    """Whether a column holds numbers: nothing else but nulls, and at least one."""
    kinds = {type(item) for item in items} - {type(None)}
    return bool(kinds) and kinds <= _NUMBERS


def _widest(texts: Sequence[str]) -> int:
    return max(map(len if "".join(texts).isascii() else width, texts))


def _fit(widths: list[int], right: Sequence[bool], screen: Screen) -> list[int]:
    """The widths for a terminal: the widest text column gives way first, numbers never."""
    widths = list(widths)
    while screen.width is not None and sum(widths) + len(GAP) * (len(widths) - 1) > screen.width:
        texts = [(taken, index) for index, taken in enumerate(widths) if not right[index] and taken > _NARROWEST]
        if not texts:
            break
        widths[max(texts)[1]] -= 1
    return widths


def _texts(key: str, items: Sequence[Value], screen: Screen) -> list[str]:
    """The texts of one column. A column of plain words is checked as a whole: a tenth of the time of cell by cell."""
    if key != "stale" and all(type(item) is str and item and len(item) <= _LONGEST for item in items):
        words = cast("list[str]", list(items))
        if "".join(words).isprintable():
            return words
    return [cell(key, item, screen) for item in items]


def _padded(texts: Sequence[str], room: int, right: bool) -> list[str]:
    """The texts of one column, each in ``room`` columns of the screen."""
    if "".join(texts).isascii() and (right or max(map(len, texts)) <= room):
        return [text.rjust(room) if right else text.ljust(room) for text in texts]
    if right:
        return [" " * (room - width(text)) + text for text in texts]
    kept = [cut(text, room) for text in texts]
    return [text + " " * (room - width(text)) for text in kept]


def lines(columns: Sequence[Column], records: Iterable[Record], screen: Screen = PIPE) -> Iterator[str]:
    """The lines of a table, line ends included. Where there is colour the heading stands out, and a record with
    ``stale`` set recedes."""
    kept = list(records)
    items = [[fields.get(column.key) for fields in kept] for column in columns]
    right = [_to_the_right(column) for column in items]
    texts = [[column.title, *_texts(column.key, its, screen)] for column, its in zip(columns, items, strict=True)]
    widths = _fit([_widest(column) for column in texts], right, screen)
    padded = [_padded(*column) for column in zip(texts, widths, right, strict=True)]
    marks = [BOLD, *(DIM if fields.get("stale") else "" for fields in kept)]
    for mark, row in zip(marks, zip(*padded, strict=True), strict=True):
        line = GAP.join(row).rstrip()
        yield f"{mark}{line}{PLAIN}\n" if mark and screen.colour else f"{line}\n"


def pairs(fields: Record, screen: Screen = PIPE) -> Iterator[str]:
    """One record as ``name  value`` lines; ``schemaVersion`` is for machines and left out."""
    shown = {key: item for key, item in fields.items() if key != "schemaVersion"}
    room = max(map(len, shown), default=0)
    for key, item in shown.items():
        yield f"{key:<{room}}{GAP}{cell('', item, screen)}\n"
