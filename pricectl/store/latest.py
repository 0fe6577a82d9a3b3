"""The latest prices: one small Parquet file that is replaced as a whole, newest name first.

A name, once readable, never gets new content: DuckDB opens a file three times a query, and a replacement in between
mixes two files (measured: 33 % of reads failed at 250 replacements a second). Old files wait ten minutes for readers
that still hold their name. pyarrow reads the very bytes that were verified; DuckDB would take twice as long to start,
and whoever looks here mostly writes here next.
"""

import hashlib
import os
import re
from collections.abc import Collection, Iterable
from itertools import pairwise

from pricectl.errors import Damaged, StoreError
from pricectl.model.asset import Series
from pricectl.model.quote import Quote
from pricectl.store.disk import Disk
from pricectl.store.parts import check, decode, encode
from pricectl.store.tables import Table

LATEST = Table(
    "latest",
    (
        ("provider", "string"),
        ("provider_id", "string"),
        ("price", "string"),  # decimal text: the provider's digits
        ("currency", "string"),
        ("change24h", "string"),
        ("updated_ms", "long"),
        ("fetched_ms", "long"),
        ("fresh_until_ms", "long"),
    ),
    "",
    "",
)
_GRACE_MS = 600_000
_NAME = re.compile(r"(\d{15})-[0-9a-f]{32}-([0-9a-f]{64})\.parquet")


class Latest:
    """The files in the folder ``latest`` of the store."""

    def __init__(self, store: str, disk: Disk) -> None:
        self.folder = os.path.join(store, LATEST.name)
        self._disk = disk

    def read(self, series: Collection[Series] | None, newer_than_ms: int = 0) -> dict[Series, Quote]:
        """The newest quotes, of ``series`` or all, fetched after ``newer_than_ms``. A damaged newest file is passed
        over for the one before: every quote says itself when it was fetched. Raises Damaged when none is good."""
        names = self._names()
        # The name tells the time of the newest quote in it: mostly nothing need be opened, nor DuckDB imported.
        if not names or _time(names[0]) <= newer_than_ms:
            return {}
        damaged: StoreError | None = None
        for name in names:
            try:
                quotes = self._quotes(name)
            except FileNotFoundError:
                continue
            except StoreError as error:
                damaged = damaged or error
            else:
                return {
                    quote.series: quote
                    for quote in quotes
                    if quote.fetched_ms > newer_than_ms and (series is None or quote.series in series)
                }
        if damaged:
            raise damaged
        return {}

    def damaged(self) -> list[str]:
        """The paths of the files that are not what was written. Raises StoreError."""
        found = []
        for name in self._names():
            try:
                self._quotes(name)
            except FileNotFoundError:
                continue
            except Damaged:
                found.append(os.path.join(self.folder, name))
        return found

    def put(self, quotes: Iterable[Quote], now_ms: int) -> None:
        """``quotes`` beside those known already; of two of one series the later fetched. Only under the writers'
        lock. Raises OSError."""
        try:
            known = self.read(None)
        except Damaged:
            known = {}
        for quote in quotes:
            if quote.series not in known or quote.fetched_ms >= known[quote.series].fetched_ms:
                known[quote.series] = quote
        rows = [tuple(known[series]) for series in sorted(known)]
        if not rows:
            return
        self._disk.make_folder(self.folder)
        data = encode(LATEST, rows)
        names = self._names()
        newest = max(quote.fetched_ms for quote in known.values())
        time = max(now_ms, newest, _time(names[0]) + 1 if names else 0)
        name = f"{time:015d}-{os.urandom(16).hex()}-{hashlib.sha256(data).hexdigest()}.parquet"
        self._disk.write_new(os.path.join(self.folder, name), data)
        self._disk.sync_folder(self.folder)
        for newer, old in pairwise(names):
            if _time(newer) < now_ms - _GRACE_MS:  # since then no reader takes up the old name
                self._disk.remove(os.path.join(self.folder, old))

    def _quotes(self, name: str) -> list[Quote]:
        path = os.path.join(self.folder, name)
        try:
            with open(path, "rb") as file:
                data = file.read()
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StoreError(f"cannot read {path}: {error.strerror}", "look at the disk and its modes") from error
        check(data, path, name[-len(".parquet") - 64 : -len(".parquet")])
        return [Quote(*row) for row in decode(LATEST, data)]

    def _names(self) -> list[str]:
        try:
            names = os.listdir(self.folder)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(
                f"cannot read {self.folder}: {error.strerror}", "look at the disk and its modes"
            ) from error
        return sorted((name for name in names if _NAME.fullmatch(name)), reverse=True)


def _time(name: str) -> int:
    return int(name[:15])
