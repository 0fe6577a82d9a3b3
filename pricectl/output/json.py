"""JSON text in one fixed layout: a record is one line; in an object each key, and each record of a list, has its own.

Written here and not by the standard library's encoder because prices keep the provider's digits (``Number``), and
because ``import json`` costs 9 ms where the front door has 15 to spend.
"""

import math
from collections.abc import Iterable, Iterator, Mapping

from pricectl.output.rows import SCHEMA_VERSION, Number, Record, Value

try:
    from _json import encode_basestring_ascii as quoted
except ImportError:  # an interpreter without the accelerator
    from json.encoder import encode_basestring_ascii as quoted


def value(item: Value) -> str:
    """One JSON value on one line, ASCII only. NaN and infinities are null: JSON has no word for them."""
    if item is None:
        return "null"
    if isinstance(item, Number):
        return str(item)
    if isinstance(item, str):
        return quoted(item)
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, int):
        return str(item)
    if isinstance(item, float):
        return repr(item) if math.isfinite(item) else "null"
    if isinstance(item, Mapping):
        return record(item)
    return "[" + ", ".join([value(part) for part in item]) + "]"


def record(fields: Record) -> str:
    """``{"symbol": "BTC", "price": 65000.1}``: one record, one line, without a line end."""
    return "{" + ", ".join([f"{quoted(key)}: {value(item)}" for key, item in fields.items()]) + "}"


def with_version(fields: Record) -> Record:
    """The same, ``schemaVersion`` last if it is not there: every object that stands alone carries it."""
    return fields if "schemaVersion" in fields else {**fields, "schemaVersion": SCHEMA_VERSION}


def lines(records: Iterable[Record]) -> Iterator[str]:
    """JSON Lines: one record a line, line ends included, ``schemaVersion`` in each."""
    for fields in records:
        yield record(with_version(fields)) + "\n"


def document(fields: Record) -> str:
    """An object over several lines: two blanks before each key, four before each record of a list."""
    parts = []
    for key, item in with_version(fields).items():
        if isinstance(item, list | tuple) and item and isinstance(item[0], Mapping):
            text = "[\n    " + ",\n    ".join([value(part) for part in item]) + "\n  ]"
        else:
            text = value(item)
        parts.append(f"  {quoted(key)}: {text}")
    return "{\n" + ",\n".join(parts) + "\n}\n"
