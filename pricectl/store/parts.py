"""Parquet parts: written once under a name that holds their SHA-256, and verified before they are believed.

Parquet pages carry no checksum that DuckDB checks: a flipped bit is a wrong price without an error (96 % of flips,
measured). So a part is hashed the first time its (inode, size, mtime) is seen, which is remembered in the state.
"""

import hashlib
import os
from collections.abc import Iterable, Sequence
from typing import Any

from pricectl.errors import Damaged, StoreError
from pricectl.store.disk import Disk
from pricectl.store.tables import BARS, Part, Table, columns_of

_MEMORY_BYTES = 4_000_000  # about 30,000 parts; past that it starts afresh, which costs one hashing of each

# Measured on 2.45 M bars made of 500 US stocks, chained to ten years and rescaled to whole cents: 12.9 bytes a bar.
# Volumes hardly repeat, so their bytes are split by place (15.2 with a dictionary); all else, the prices too, repeats:
# a dictionary (22.6 split by place). Small pages take 1 % less than those of 1 MB and read no slower. Row groups of
# 30,720 cost 16 bytes a bar; zstd 9 gains 1 to 2 % for three times the time.
_SPLIT = ["volume"]
_ROW_GROUP = 122_880
_PAGE_BYTES = 16_384


def write(disk: Disk, folder: str, table: Table, rows: Sequence[tuple[Any, ...]], below: str = "") -> Part:
    """A new part with ``rows`` (in the order of the table's columns), durable but not listed yet. ``below`` is its
    partition's folder. Raises OSError."""
    encoder = Encoder(table)
    encoder.add_rows(rows)
    return encoder.write(disk, folder, below)


def encode(table: Table, rows: Sequence[tuple[Any, ...]]) -> bytes:
    """The Parquet file of ``rows``, as bytes."""
    encoder = Encoder(table)
    encoder.add_rows(rows)
    return encoder.finish()


class Encoder:
    """One Parquet file in memory, filled piece by piece: what is held besides is at most a row group."""

    def __init__(self, table: Table) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        kinds = {
            "string": pa.string(),
            "date": pa.date32(),
            "double": pa.float64(),
            "timestamp": pa.timestamp("us", tz="UTC"),
            "integer": pa.int32(),
            "long": pa.int64(),
            "boolean": pa.bool_(),
        }
        self.rows = 0
        self._table = table
        self._schema = pa.schema([pa.field(name, kinds[kind]) for name, kind in table.columns])
        self._waiting: list[Any] = []
        self._sink = pa.BufferOutputStream()
        split = [name for name in _SPLIT if table is BARS]
        self._writer = pq.ParquetWriter(
            self._sink,
            self._schema,
            compression="zstd",
            compression_level=3,
            data_page_size=_PAGE_BYTES,
            use_dictionary=[name for name in self._schema.names if name not in split],
            column_encoding=dict.fromkeys(split, "BYTE_STREAM_SPLIT") or None,
            write_page_checksum=True,
            store_schema=False,
        )

    def add_rows(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """``rows`` in the order of the table's columns."""
        import pyarrow as pa

        columns = zip(columns_of(rows), self._schema, strict=True)
        self.add(pa.Table.from_arrays([pa.array(values, field.type) for values, field in columns], schema=self._schema))

    def add(self, more: Any) -> None:
        """The rows of an Arrow table that has the table's columns, in any order."""
        import pyarrow as pa

        more = more.select(self._schema.names).cast(self._schema)
        self.rows += more.num_rows
        self._waiting.append(more)
        if sum(table.num_rows for table in self._waiting) >= _ROW_GROUP:
            whole = pa.concat_tables(self._waiting)
            full = whole.num_rows // _ROW_GROUP * _ROW_GROUP
            self._writer.write_table(whole.slice(0, full), _ROW_GROUP)
            self._waiting = [whole.slice(full)]

    def finish(self) -> bytes:
        """The whole file."""
        import pyarrow as pa

        if self._waiting:
            self._writer.write_table(pa.concat_tables(self._waiting), _ROW_GROUP)
        self._writer.close()
        return bytes(self._sink.getvalue())

    def write(self, disk: Disk, folder: str, below: str) -> Part:
        """The file as a new part, durable but not listed yet. Raises OSError."""
        data = self.finish()
        part = self.part(data, below)
        target = os.path.join(folder, below)
        disk.make_folder(os.path.normpath(target))
        disk.write_new(os.path.join(folder, part.path), data)
        disk.sync_folder(target)
        return part

    def part(self, data: bytes, below: str) -> Part:
        """What is known of the file ``data`` of ``finish``, under a name that is used once."""
        name = f"{os.urandom(16).hex()}-{hashlib.sha256(data).hexdigest()}.parquet"
        table = self._table
        bounds = _bounds(data, {"provider", "provider_id", table.first, table.last})
        first = bounds[table.first]
        return Part(
            path=f"{below}/{name}" if below else name,
            size=len(data),
            rows=self.rows,
            provider_low=bounds["provider"][0],
            provider_high=bounds["provider"][1],
            id_low=bounds["provider_id"][0],
            id_high=bounds["provider_id"][1],
            first=first[0].isoformat(),
            last=bounds.get(table.last, first)[1].isoformat(),
        )


def _bounds(data: bytes, names: Iterable[str]) -> dict[str, tuple[Any, Any]]:
    """The least and the greatest of columns, from what the file says of itself (pyarrow.compute takes 100 ms to
    import); a column that holds only nulls has none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    said = pq.read_metadata(pa.BufferReader(data))
    places = {said.schema.column(place).name: place for place in range(said.num_columns)}
    groups = [said.row_group(number) for number in range(said.num_row_groups)]
    found = {}
    for name in names:
        each = [group.column(places[name]).statistics for group in groups]
        held = [statistics for statistics in each if statistics.has_min_max]
        if held:
            found[name] = (min(one.min for one in held), max(one.max for one in held))
    return found


def decode(table: Table, data: bytes) -> list[tuple[Any, ...]]:
    """The rows of ``encode``."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    read = pq.ParquetFile(pa.BufferReader(data)).read([name for name, _ in table.columns])
    return list(zip(*(column.to_pylist() for column in read.columns), strict=True))


def check(data: bytes, path: str, sha256: str) -> None:
    """Raises Damaged, naming ``path``, unless ``data`` is what was written."""
    if hashlib.sha256(data).hexdigest() != sha256:
        raise Damaged(
            f"a stored part is not what was written: {path}",
            "`pricectl doctor --fix` sets it aside and fetches its bars again",
        )


def gone(error: FileNotFoundError) -> Damaged:
    """What it means that a listed part is not there."""
    return Damaged(f"a listed part is gone: {error.filename}", "run `pricectl doctor --fix`")


class Verifier:
    """Remembers which parts were found whole, in ``memory``; where that cannot be written, it only forgets."""

    def __init__(self, folder: str, memory: str, disk: Disk) -> None:
        self._folder = folder
        self._memory = memory
        self._disk = disk

    def paths(self, parts: Iterable[Part], *, afresh: bool = False) -> list[str]:
        """The paths of ``parts``, each known to be whole; ``afresh`` looks at each again, whatever is remembered.
        Raises Damaged naming the part, FileNotFoundError when it is gone, StoreError when it cannot be read."""
        known = self._known()
        paths, fresh = [], []
        for part in parts:
            path = os.path.join(self._folder, part.path)
            try:
                stat = os.stat(path)
                seen = f"{part.path} {stat.st_ino} {stat.st_size} {stat.st_mtime_ns}"
                if afresh or seen not in known:
                    with open(path, "rb") as file:
                        check(file.read(), path, part.sha256)
                    if seen not in known:
                        fresh.append(seen)
            except FileNotFoundError:
                raise
            except OSError as error:
                raise StoreError(f"cannot read {path}: {error.strerror}", "look at the disk and its modes") from error
            paths.append(path)
        if fresh:
            self._remember(fresh)
        return paths

    def _known(self) -> set[str]:
        try:
            with open(self._memory, encoding="utf-8", errors="replace") as file:
                return set(file.read().split("\n"))
        except OSError:
            return set()

    def _remember(self, fresh: Sequence[str]) -> None:
        text = "".join(f"{line}\n" for line in fresh).encode()
        try:
            large = os.path.getsize(self._memory) + len(text) > _MEMORY_BYTES
        except OSError:
            large = False
        put = self._disk.remember if large else self._disk.note
        put(self._memory, text)
