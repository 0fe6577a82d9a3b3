"""Reading the hot cache without diskcache: one SELECT on its ``cache.db``, opened read-only.

Importing diskcache and opening a cache costs three times bare Python and runs 29 writing statements, which can
wait seconds behind a writer; this read costs a quarter of a millisecond and never waits. A test holds it to what
diskcache itself answers. SQLite takes the JSON apart, so json is not imported either. On the way of a cached
answer: no typing (8 ms), no NamedTuple; quotes come as plain tuples in the order of ``model.quote.Quote``.
"""

from __future__ import annotations

import os
import sqlite3

from pricectl.home import Home, shipped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

QuoteFields = tuple[str, str, str, str, "str | None", int, int, int]  # the fields of model.quote.Quote, in order
Named = tuple[str, str, QuoteFields]  # canonical symbol, stamp of the catalogue that resolved the name, quote

NAME_KEY = "name/1/"
QUOTE_KEY = "quote/1/"
STOOD_KEY = "stood/1/"  # a fallback's quote as it stands in for an asset: fresh for less long; as long as QUOTE_KEY

# Rows that our Disk wrote: text in the row itself (mode 1), under a text key (raw 1), not expired.
_OURS = "{0}.raw = 1 AND {0}.mode = 1 AND {0}.filename IS NULL AND ({0}.expire_time IS NULL OR {0}.expire_time > ?)"
_FIELDS = ", ".join(f"json_extract(q.value, '$[{i}]')" for i in range(6))
_NAMED = f"""
SELECT a.key, json_extract(a.value, '$[0]'), json_extract(a.value, '$[2]'), q.key, {_FIELDS}
FROM Cache a JOIN Cache q ON q.key = json_extract(a.value, '$[1]')
WHERE {_OURS.format("a")} AND {_OURS.format("q")} AND a.key IN (%s)"""  # noqa: S608 - constants only
_KEYED = f"SELECT q.key, {_FIELDS} FROM Cache q WHERE {_OURS.format('q')} AND q.key IN (%s)"  # noqa: S608
_SAYINGS = f"""
SELECT key, json_extract(value, '$[0]'), json_extract(value, '$[1]')
FROM Cache c WHERE {_OURS.format("c")} AND key IN (%s)"""  # noqa: S608
_BATCH = 30_000  # SQLite binds at most 32766 values a statement


def connect(home: Home) -> sqlite3.Connection:
    """A read-only connection to the hot cache. Raises sqlite3.Error when there is none.

    A folder that may not be written lacks the shared-memory file that WAL wants: then the file is read as it
    stands, unless a write-ahead log with content says that it is not whole.
    """
    path = os.path.join(home.cache, "cache.db")
    uri = "file:" + path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    try:
        connection = sqlite3.connect(f"{uri}?mode=ro", uri=True, timeout=0.2, isolation_level=None)
        connection.execute("SELECT 1 FROM Cache LIMIT 1")
    except sqlite3.OperationalError:
        wal = path + "-wal"
        writable = os.access(home.cache, os.W_OK, effective_ids=os.access in os.supports_effective_ids)
        if writable or (os.path.exists(wal) and os.path.getsize(wal)):
            raise
        connection = sqlite3.connect(f"{uri}?mode=ro&immutable=1", uri=True, isolation_level=None)
    return connection


def named(connection: sqlite3.Connection, asked: Sequence[str], now_s: float) -> dict[str, Named]:
    """The quotes by asked name (upper case), fresh or stale alike; what is not there is left out.

    Raises sqlite3.Error.
    """
    found: dict[str, Named] = {}
    for start in range(0, len(asked), _BATCH):
        keys = [NAME_KEY + name for name in asked[start : start + _BATCH]]
        for row in connection.execute(_NAMED % ",".join("?" * len(keys)), [now_s, now_s, *keys]):
            name, symbol, stamp, key, *fields = row
            found[name[len(NAME_KEY) :]] = (symbol, stamp, _quote(key, fields))
    return found


def keyed(connection: sqlite3.Connection, keys: Sequence[str], now_s: float) -> dict[str, QuoteFields]:
    """The quotes under these quote keys, fresh or stale. Raises sqlite3.Error."""
    found: dict[str, QuoteFields] = {}
    for start in range(0, len(keys), _BATCH):
        part = keys[start : start + _BATCH]
        for key, *fields in connection.execute(_KEYED % ",".join("?" * len(part)), [now_s, *part]):
            found[key] = _quote(key, fields)
    return found


def sayings(connection: sqlite3.Connection, keys: Sequence[str], now_s: float) -> dict[str, tuple[str, int]]:
    """The text and the instant (ms) of each of these rows, for rows that hold those two. Raises sqlite3.Error."""
    said: dict[str, tuple[str, int]] = {}
    for start in range(0, len(keys), _BATCH):
        part = keys[start : start + _BATCH]
        for key, text, ms in connection.execute(_SAYINGS % ",".join("?" * len(part)), [now_s, *part]):
            if isinstance(text, str) and isinstance(ms, int):
                said[key] = (text, ms)
    return said


def _quote(key: str, fields: Sequence[object]) -> QuoteFields:
    """A row as a quote; raises sqlite3.DataError for one that this version did not write."""
    provider, _, provider_id = key[len(QUOTE_KEY) :].partition("/")
    price, currency, change, updated, fetched, fresh = fields
    if not (
        isinstance(price, str)
        and _decimal(price)
        and isinstance(currency, str)
        and (change is None or (isinstance(change, str) and _decimal(change)))
        and isinstance(updated, int)
        and isinstance(fetched, int)
        and isinstance(fresh, int)
    ):
        raise sqlite3.DataError(f"the cached row {key} is not a quote")
    return (provider, provider_id, price, currency, change, updated, fetched, fresh)


def _decimal(text: str) -> bool:
    """Whether the text is a plain decimal: it is printed into JSON as it stands."""
    digits = text.removeprefix("-").replace(".", "", 1)
    return digits.isascii() and digits.isdigit() and text[-1:] != "." and not text.startswith((".", "-."))


def stamp(home: Home) -> str:
    """What the names depend on, as text: size and time of the settings and of both lists of assets."""
    marks = []
    for path in (home.config, home.assets, shipped("assets.csv")):
        try:
            found = os.stat(path)
        except OSError:
            marks.append("-")
        else:
            marks.append(f"{found.st_mtime_ns}.{found.st_size}")
    return "/".join(marks)
