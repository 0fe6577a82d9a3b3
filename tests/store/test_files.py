"""Bars in other people's files: what is written reads back the same elsewhere; a file appears whole or not at all."""

import datetime as dt
import io
import os
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from pricectl.store import files

D = dt.date


def row(day: dt.date, close: float, symbol: str = "AAPL", volume: float | None = 10.0) -> files.Row:
    return (symbol, "yahoo", symbol, "USD", day, "1d", close, close + 1, close - 1, close, volume, "split")


ROWS = [row(D(2023, 12, 29), 192.53), row(D(2024, 1, 2), 0.1 + 0.2, volume=None), row(D(2024, 1, 2), 5.0, "BRK.B")]


def written(format_: str, *batches: Sequence[files.Row]) -> bytes:
    file = io.BytesIO()
    writer = files.Writer(file, format_)
    for rows in batches:
        writer.add(rows)
    writer.close()
    return file.getvalue()


@pytest.mark.parametrize("format_", ["parquet", "arrow"])
def test_what_is_written_is_what_pyarrow_reads(format_):
    data = pa.BufferReader(written(format_, ROWS[:2], ROWS[2:]))
    found = pq.read_table(data) if format_ == "parquet" else pa.ipc.open_file(data).read_all()
    assert [tuple(one.values()) for one in found.to_pylist()] == ROWS
    types = ["string"] * 4 + ["date32[day]", "string"] + ["double"] * 5 + ["string"]
    assert [str(field.type) for field in found.schema] == types


@pytest.mark.parametrize("format_", ["parquet", "arrow"])
def test_a_file_without_rows_has_its_columns(format_):
    data = written(format_)
    opened = files.Tabular(io.BytesIO(data), format_, "x")
    assert opened.names == list(files.NAMES)
    assert list(opened.rows([(4, "day"), (9, "number")])) == []


@pytest.mark.parametrize("format_", ["parquet", "arrow"])
def test_what_is_written_is_read_back(format_):
    opened = files.Tabular(io.BytesIO(written(format_, ROWS)), format_, "x")
    assert list(opened.rows([(0, "text"), (9, "number"), (10, "number"), (4, "day")])) == [
        ("AAPL", 192.53, 10.0, D(2023, 12, 29)),
        ("AAPL", 0.30000000000000004, None, D(2024, 1, 2)),
        ("BRK.B", 5.0, 10.0, D(2024, 1, 2)),
    ]


def test_the_stream_format_of_arrow_is_read_too_also_from_a_pipe():
    table = pa.table({"date": [D(2024, 1, 2)], "close": [1.5]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    out, into = os.pipe()
    os.write(into, sink.getvalue().to_pybytes())
    os.close(into)
    with open(out, "rb") as pipe:
        opened = files.Tabular(pipe, "arrow", "x")
        assert list(opened.rows([(1, "number"), (0, "day")])) == [(1.5, D(2024, 1, 2))]


def test_float32_is_read_without_its_noise():
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"close": pa.array([166.69, None], pa.float32())}), sink)
    opened = files.Tabular(io.BytesIO(sink.getvalue().to_pybytes()), "parquet", "x")
    assert list(opened.rows([(0, "number")])) == [(166.69,), (None,)]


def test_rows_are_written_by_groups_so_that_memory_is_bounded():
    file = io.BytesIO()
    writer = files.Writer(file, "parquet")
    for _ in range(3):
        writer.add(ROWS[:1] * 50_000)
        assert writer.waiting < 122_880
    writer.close()
    assert pq.ParquetFile(pa.BufferReader(file.getvalue())).metadata.num_row_groups == 2


# A folder by keys


def partitioned(folder: Path, rows: Sequence[files.Row], *keys: str) -> list[str]:
    with files.appearing_folder(str(folder)) as beside:
        writer = files.Partitioned(beside, keys)
        writer.add(rows)
        writer.close()
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.parquet"))


def test_a_folder_laid_out_as_hive_does_is_read_by_duckdb_and_pyarrow(tmp_path: Path):
    names = partitioned(tmp_path / "bars", ROWS, "year", "symbol")
    assert names == [
        "year=2023/symbol=AAPL/part-0.parquet",
        "year=2024/symbol=AAPL/part-0.parquet",
        "year=2024/symbol=BRK.B/part-0.parquet",
    ]
    pattern = f"{tmp_path}/bars/**/*.parquet"
    sql = "SELECT symbol, year, date, close FROM read_parquet($1, hive_partitioning = true) ORDER BY ALL"
    expected = [
        ("AAPL", 2023, D(2023, 12, 29), 192.53),
        ("AAPL", 2024, D(2024, 1, 2), 0.30000000000000004),
        ("BRK.B", 2024, D(2024, 1, 2), 5.0),
    ]
    assert duckdb.execute(sql, [pattern]).fetchall() == expected
    read = ds.dataset(str(tmp_path / "bars"), partitioning="hive").to_table(columns=["symbol", "year", "date", "close"])
    assert sorted(tuple(one.values()) for one in read.to_pylist()) == expected


def test_no_text_becomes_a_path_as_it_stands(tmp_path: Path):
    symbols = ("^GSPC", "JPY=X", "yahoo:A", "../x", "..")
    names = partitioned(tmp_path / "bars", [row(D(2024, 1, 2), 1.0, symbol) for symbol in symbols], "symbol")
    assert all(len(Path(name).parts) == 2 for name in names)
    sql = "SELECT symbol FROM read_parquet($1, hive_partitioning = true) ORDER BY symbol"
    found = duckdb.execute(sql, [f"{tmp_path}/bars/**/*.parquet"]).fetchall()
    assert found == [("..",), ("../x",), ("JPY=X",), ("^GSPC",), ("yahoo:A",)]


def test_more_partitions_than_files_may_be_open(tmp_path: Path):
    rows = [row(D(2024, 1, 2), 1.0, f"S{number}") for number in range(450)]
    again = [row(D(2024, 1, 3), 2.0, "S0")]
    names = partitioned(tmp_path / "bars", [*rows, *again, *rows[1:2]], "symbol")
    assert len(names) == 450
    with files.appearing_folder(str(tmp_path / "more")) as beside:
        writer = files.Partitioned(beside, ["symbol"])
        writer.add(rows)
        writer.add(again)
        assert len(writer._open) == 200
        writer.close()
    first = tmp_path / "more" / "symbol=S0"
    assert sorted(path.name for path in first.iterdir()) == ["part-0.parquet", "part-1.parquet"]


# Whole or not at all


def _fail_after(count: int) -> None:
    assert count == 4
    raise KeyboardInterrupt


def test_a_file_appears_with_the_persons_own_mode(tmp_path: Path):
    before = os.umask(0o027)
    try:
        with files.appearing(str(tmp_path / "x.csv"), replace=False) as file:
            file.write(b"whole")
            assert os.listdir(tmp_path) != ["x.csv"]
    finally:
        os.umask(before)
    assert os.listdir(tmp_path) == ["x.csv"]
    assert (tmp_path / "x.csv").read_bytes() == b"whole"
    assert (tmp_path / "x.csv").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("replace", [False, True])
def test_what_fails_half_way_leaves_all_as_it_was(tmp_path: Path, replace):
    (tmp_path / "x.csv").write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), files.appearing(str(tmp_path / "x.csv"), replace) as file:
        _fail_after(file.write(b"half"))
    assert os.listdir(tmp_path) == ["x.csv"]
    assert (tmp_path / "x.csv").read_bytes() == b"old"


def test_a_file_that_came_to_be_meanwhile_is_not_overwritten(tmp_path: Path):
    with pytest.raises(FileExistsError), files.appearing(str(tmp_path / "x.csv"), replace=False):
        (tmp_path / "x.csv").write_bytes(b"theirs")
    assert os.listdir(tmp_path) == ["x.csv"]
    assert (tmp_path / "x.csv").read_bytes() == b"theirs"


def test_a_file_is_replaced_only_when_that_is_meant(tmp_path: Path):
    (tmp_path / "x.csv").write_bytes(b"old")
    with files.appearing(str(tmp_path / "x.csv"), replace=True) as file:
        file.write(b"new")
    assert (tmp_path / "x.csv").read_bytes() == b"new"


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path):
    with pytest.raises(KeyboardInterrupt), files.appearing_folder(str(tmp_path / "bars")) as beside:
        _fail_after(Path(beside, "x").write_bytes(b"half"))
    assert os.listdir(tmp_path) == []
    (tmp_path / "bars").mkdir()
    with files.appearing_folder(str(tmp_path / "bars")) as beside:
        Path(beside, "x").write_bytes(b"whole")
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == ["bars", "bars/x"]
    with pytest.raises(FileExistsError), files.appearing_folder(str(tmp_path / "bars")) as beside:
        Path(beside, "y").write_bytes(b"other")
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == ["bars", "bars/x"]
