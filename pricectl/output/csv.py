"""CSV quoted after RFC 4180: comma, double quotes where needed; lines end in LF, as text does here and as every
reader of CSV takes it. Numbers are never touched.
"""

from collections.abc import Iterable, Iterator, Sequence

from pricectl.output.json import value as json_value
from pricectl.output.rows import Number, Record, Value
from pricectl.output.text import csv_cell, csv_quoted

LINE_END = "\n"


def cell(item: Value) -> str:
    """One cell: null is empty, truth is ``true`` or ``false``, text is cleaned and neutralised."""
    if item is None:
        return ""
    if isinstance(item, Number) or not isinstance(item, str):
        text = json_value(item)
        return "" if text == "null" else csv_quoted(text)
    return csv_cell(item)


def line(cells: Iterable[Value]) -> str:
    """One line with its end."""
    return ",".join([cell(item) for item in cells]) + LINE_END


def lines(columns: Sequence[str], records: Iterable[Record]) -> Iterator[str]:
    """The header, then one line for each record; a key that a record lacks is an empty cell."""
    yield line(columns)
    for fields in records:
        yield line([fields.get(key) for key in columns])
