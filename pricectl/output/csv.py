"""CSV quoted after RFC 4180: comma, double quotes where needed; lines end in LF, as text does here and as every
reader of CSV takes it. Numbers are never touched.

A text cell that a spreadsheet would run as a formula gets a leading apostrophe, as OWASP advises
(https://owasp.org/www-community/attacks/CSV_Injection); full-width twins and leading blanks count too.
"""

from collections.abc import Iterable, Iterator, Sequence

from pricectl.output.json import value as json_value
from pricectl.output.rows import Number, Record, Value
from pricectl.output.text import safe

LINE_END = "\n"
_RUNS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_QUOTED = frozenset(',"\r\n')


def cell(item: Value) -> str:
    """One cell: null is empty, truth is ``true`` or ``false``, text is cleaned and neutralised."""
    if item is None:
        return ""
    if isinstance(item, Number) or not isinstance(item, str):
        text = json_value(item)
        return "" if text == "null" else _quote(text)
    if item.startswith(_RUNS) or item.lstrip().startswith(_RUNS):
        item = "'" + item
    return _quote(safe(item))


def _quote(text: str) -> str:
    if _QUOTED.isdisjoint(text) and text.strip(" ") == text:
        return text
    return '"' + text.replace('"', '""') + '"'


def line(cells: Iterable[Value]) -> str:
    """One line with its end."""
    return ",".join([cell(item) for item in cells]) + LINE_END


def lines(columns: Sequence[str], records: Iterable[Record]) -> Iterator[str]:
    """The header, then one line for each record; a key that a record lacks is an empty cell."""
    yield line(columns)
    for fields in records:
        yield line([fields.get(key) for key in columns])
