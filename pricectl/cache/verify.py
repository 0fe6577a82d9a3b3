"""Whether the hot cache is what we keep there, and how to begin a new one."""

import os
import sqlite3

from pricectl.cache import peek
from pricectl.home import Home

_FOREIGN = "SELECT count(*) FROM Cache WHERE NOT (raw = 1 AND mode = 1 AND filename IS NULL)"


def examined(home: Home) -> tuple[int, str]:
    """How many rows it holds, and what is wrong with it (empty: nothing; there may be no cache yet)."""
    if not os.path.exists(os.path.join(home.cache, "cache.db")):
        return 0, ""
    try:
        connection = peek.connect(home)
        try:
            (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            (rows,) = connection.execute("SELECT count(*) FROM Cache").fetchone()
            (foreign,) = connection.execute(_FOREIGN).fetchone()
        finally:
            connection.close()
    except (sqlite3.Error, OSError) as error:
        return 0, f"it cannot be read: {getattr(error, 'strerror', None) or error}"
    if said != "ok":
        return rows, f"it is damaged: {said}"
    return rows, f"{foreign} of its rows are none of ours" if foreign else ""


def set_aside(home: Home, now_ms: int) -> str:
    """Move the cache out of the way, under its new name; the next look-up begins a new one. Raises OSError."""
    path = os.path.join(home.cache, "cache.db")
    aside = f"{path}.damaged-{now_ms}"
    os.replace(path, aside)
    for suffix in ("-wal", "-shm"):
        if os.path.exists(path + suffix):
            os.unlink(path + suffix)
    return aside
