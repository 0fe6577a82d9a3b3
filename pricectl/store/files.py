"""Bars in other people's files: Parquet and Arrow IPC both ways, and files that appear whole or not at all.

Nothing here belongs to the store's own folder; the files have the modes that the person's umask says.
"""

import contextlib
import datetime as dt
import errno
import io
import os
from collections.abc import Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote

from pricectl.errors import UsageError
from pricectl.model.number import shortest32

if TYPE_CHECKING:
    import pyarrow as pa

FORMATS = {".csv": "csv", ".parquet": "parquet", ".pq": "parquet", ".arrow": "arrow", ".feather": "arrow",
           ".ipc": "arrow", ".jsonl": "jsonl", ".ndjson": "jsonl"}  # fmt: skip
# What a bar is called in a file that pricectl writes, and the type of each column.
COLUMNS = (
    ("symbol", "text"), ("provider", "text"), ("provider_id", "text"), ("currency", "text"), ("date", "day"),
    ("interval", "text"), ("open", "number"), ("high", "number"), ("low", "number"), ("close", "number"),
    ("volume", "number"), ("adjusted", "text"),
)  # fmt: skip
NAMES = tuple(name for name, _ in COLUMNS)
PARTITIONS = ("symbol", "provider", "currency", "interval", "year")

_BATCH = 65_536
_ROW_GROUP = 122_880
_OPEN_FILES = 200  # of a partitioned export at once; an account may often open no more than 1024
_MOST_BYTES = 1 << 30  # of a file that cannot be sought, such as a pipe, and so is held in memory


# Reading


def format_of(path: str) -> str:
    """The format that the ending of ``path`` says; empty if it says none."""
    return FORMATS.get(os.path.splitext(path)[1].lower(), "")


class Tabular:
    """A Parquet or Arrow IPC file (the stream format too), opened for reading. Raises UsageError for what is none."""

    def __init__(self, file: IO[bytes], format_: str, name: str) -> None:
        self._name = name
        self._source: Any
        if not file.seekable():
            data = file.read(_MOST_BYTES + 1)
            if len(data) > _MOST_BYTES:
                raise UsageError(f"{name} is longer than 1 GB", "split it")
            file = io.BytesIO(data)
        with self._reading(f"is not {'a Parquet' if format_ == 'parquet' else 'an Arrow'} file"):
            import pyarrow as pa
            import pyarrow.parquet as pq

            if format_ == "parquet":
                self._source = pq.ParquetFile(pa.PythonFile(file, "r"))
                self._schema = self._source.schema_arrow
            else:
                magic = file.read(6)
                file.seek(0)
                opened = pa.ipc.open_file if magic == b"ARROW1" else pa.ipc.open_stream
                self._source = opened(pa.PythonFile(file, "r"))
                self._schema = self._source.schema

    @property
    def names(self) -> list[str]:
        return list(self._schema.names)

    def rows(self, wanted: Sequence[tuple[int, str]]) -> Iterator[tuple[Any, ...]]:
        """The values of the columns ``wanted`` (their places, and day, number or text), row by row in a bounded amount
        of memory. Raises UsageError for a column of another type, naming it, and for a damaged file."""
        for place, kind in wanted:
            field = self._schema.field(place)
            if not _holds(field.type, kind):
                meant = {"day": "days", "number": "numbers", "text": "text"}[kind]
                raise UsageError(f"{self._name}: column {field.name!r:.50} holds {field.type!s:.50}, not {meant}")
        with self._reading("is damaged"):
            for batch in self._batches([self._schema.names[place] for place, _ in wanted]):
                columns = [_values(batch.column(self._schema.names[place])) for place, _ in wanted]
                yield from zip(*columns, strict=True)

    def _batches(self, names: list[str]) -> "Iterator[pa.RecordBatch]":
        if hasattr(self._source, "iter_batches"):
            yield from self._source.iter_batches(batch_size=_BATCH, columns=names)
        elif hasattr(self._source, "num_record_batches"):
            for index in range(self._source.num_record_batches):
                yield self._source.get_batch(index)
        else:
            yield from self._source

    @contextlib.contextmanager
    def _reading(self, what: str) -> Iterator[None]:
        import pyarrow as pa

        try:
            yield
        except (pa.ArrowException, OSError, ValueError, LookupError, OverflowError) as error:
            said = " ".join(str(error).split())[:160]
            raise UsageError(f"{self._name} {what}: {said}", "check the file, or say --format") from error


def _holds(type_: "pa.DataType", kind: str) -> bool:
    from pyarrow import types

    if types.is_dictionary(type_):
        type_ = type_.value_type
    if types.is_null(type_):
        return True
    text = bool(types.is_string(type_) or types.is_large_string(type_))
    if kind == "day":
        return bool(text or types.is_date(type_) or types.is_timestamp(type_))
    if kind == "number":
        return bool(types.is_floating(type_) or types.is_integer(type_) or types.is_decimal(type_))
    return text


def _values(column: "pa.Array") -> list[Any]:
    import pyarrow as pa
    from pyarrow import types

    if types.is_timestamp(column.type):  # nanoseconds do not fit a datetime; those that are not 0 are refused here
        column = column.cast(pa.timestamp("us", tz=column.type.tz))
    values: list[Any] = column.to_pylist()
    if types.is_float32(column.type) or types.is_float16(column.type):
        return [value if value is None else shortest32(value) for value in values]
    return values


# Writing


class Sink:
    """Where bytes go, as pyarrow wants it: it asks where it stands, which a pipe cannot say."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._at = 0
        self.closed = False

    def write(self, data: Any) -> int:
        self._file.write(data)
        size = memoryview(data).nbytes
        self._at += size
        return size

    def tell(self) -> int:
        return self._at

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self.closed = True

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False


class Writer:
    """Rows, in the order of COLUMNS, into a Parquet or Arrow IPC file; at most a row group of them is in memory."""

    def __init__(self, file: IO[bytes], format_: str, without: Sequence[str] = ()) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        types = {"text": pa.string(), "day": pa.date32(), "number": pa.float64()}
        self._kept = [index for index, (name, _) in enumerate(COLUMNS) if name not in without]
        self._schema = pa.schema([pa.field(name, types[kind]) for name, kind in COLUMNS if name not in without])
        self._rows: list[tuple[Any, ...]] = []
        sink = pa.PythonFile(Sink(file), "w")
        if format_ == "parquet":
            self._writer: Any = pq.ParquetWriter(
                sink,
                self._schema,
                compression="zstd",
                use_dictionary=[name for name in self._schema.names if name != "volume"],
                write_page_checksum=True,
            )
        else:
            self._writer = pa.ipc.new_file(sink, self._schema)
        self._options = {"row_group_size": _ROW_GROUP} if format_ == "parquet" else {}

    @property
    def waiting(self) -> int:
        """How many rows are in memory."""
        return len(self._rows)

    def add(self, rows: Sequence[tuple[Any, ...]]) -> None:
        self._rows += rows
        if len(self._rows) >= _ROW_GROUP:
            self.put()

    def put(self) -> None:
        """Write what is in memory."""
        import pyarrow as pa

        columns = list(zip(*self._rows, strict=True)) if self._rows else [()] * len(COLUMNS)
        arrays = [pa.array(columns[index], field.type) for index, field in zip(self._kept, self._schema, strict=True)]
        self._rows = []
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema), **self._options)

    def close(self) -> None:
        if self._rows:
            self.put()
        self._writer.close()


class Partitioned:
    """Rows into Parquet files below a folder, by the values of ``keys`` (``year=2024/symbol=AAPL/part-0.parquet``), as
    Hive lays them out: DuckDB, Polars and Spark read the keys back from the names."""

    def __init__(self, folder: str, keys: Sequence[str]) -> None:
        self._folder = folder
        self._keys = keys
        self._at = {name: index for index, name in enumerate(NAMES)}
        self._open: dict[str, tuple[Writer, IO[bytes]]] = {}
        self._count: dict[str, int] = {}

    def add(self, rows: Sequence[tuple[Any, ...]]) -> None:
        below: dict[str, list[tuple[Any, ...]]] = {}
        for row in rows:
            below.setdefault(self._name(row), []).append(row)
        for name, own in below.items():
            self._writer(name).add(own)
        # Many partitions that are each less than a row group would add up.
        if sum(writer.waiting for writer, _ in self._open.values()) >= 4 * _ROW_GROUP:
            for writer, _ in self._open.values():
                if writer.waiting:
                    writer.put()

    def close(self) -> None:
        for name in list(self._open):
            self._finish(name)

    def _name(self, row: tuple[Any, ...]) -> str:
        # Text from outside becomes a path only percent-encoded, behind its key: no separator, no dots alone.
        values = ((key, row[self._at["date"]].year if key == "year" else row[self._at[key]]) for key in self._keys)
        return "/".join(f"{key}={quote(str(value), safe='')}" for key, value in values)

    def _writer(self, name: str) -> Writer:
        if name in self._open:
            self._open[name] = self._open.pop(name)  # the one unused for longest stays first
            return self._open[name][0]
        if len(self._open) >= _OPEN_FILES:
            self._finish(next(iter(self._open)))
        target = os.path.join(self._folder, *name.split("/"))
        os.makedirs(target, exist_ok=True)
        number = self._count[name] = self._count.get(name, -1) + 1
        file = open(os.path.join(target, f"part-{number}.parquet"), "xb")  # noqa: SIM115 - closed by _finish
        self._open[name] = (Writer(file, "parquet", self._keys), file)
        return self._open[name][0]

    def _finish(self, name: str) -> None:
        writer, file = self._open.pop(name)
        with file:
            writer.close()
            file.flush()
            os.fsync(file.fileno())


@contextlib.contextmanager
def appearing(path: str, replace: bool) -> Iterator[IO[bytes]]:
    """A file that is called ``path`` when the block ends well, durable then; otherwise nothing has changed. One that is
    there already is replaced only with ``replace``. Raises FileExistsError, OSError."""
    folder, name = os.path.split(os.path.abspath(path))
    beside = os.path.join(folder, f".{name[:100]}.{os.urandom(6).hex()}.part")
    try:
        with open(beside, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _name_it(beside, os.path.join(folder, name), replace)
        _sync(folder)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(beside)


@contextlib.contextmanager
def appearing_folder(path: str) -> Iterator[str]:
    """A folder that is called ``path`` when the block ends well; otherwise nothing has changed. Raises FileExistsError
    where something other than an empty folder is called so, OSError."""
    import shutil

    above, name = os.path.split(os.path.abspath(path))
    beside = os.path.join(above, f".{name[:100]}.{os.urandom(6).hex()}.part")
    os.mkdir(beside)
    try:
        yield beside
        try:
            os.rename(beside, os.path.join(above, name))
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.ENOTDIR, errno.EEXIST):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path) from error
            raise
        _sync(above)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _name_it(beside: str, path: str, replace: bool) -> None:
    if replace:
        os.replace(beside, path)
        return
    try:
        os.link(beside, path)  # fails where the name is taken, also by somebody who was faster
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
            raise
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path) from error
        os.rename(beside, path)  # a file system without links


def _sync(folder: str) -> None:
    with contextlib.suppress(OSError):  # a folder that may be written and not opened
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


Row = tuple[str, str, str, str, dt.date, str, float, float, float, float, float | None, str]
