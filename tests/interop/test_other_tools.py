"""The store as it stands, opened by other tools: the same rows, and columns of the types that data/README.md tells."""

import datetime as dt
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pricectl.home import shipped
from pricectl.model.bar import MANUAL, Action, Bar
from pricectl.model.quote import Quote
from stores import AAPL, MSFT, NOON_MS, D, home, part_files, store

FETCHED = dt.datetime(2025, 6, 15, 15, 6, 40, tzinfo=dt.UTC)
WORDS = ("AAPL", "yahoo", "AAPL", "USD")
# What is stored, by hand: December as one month (its days are on the disk still, but no longer listed), and two days.
BARS = [
    {"symbol": symbol, "provider": provider, "provider_id": provider_id, "currency": currency, "date": day,
     "until": until, "sessions": sessions, "open": open_, "high": high, "low": low, "close": close, "volume": volume,
     "fetched_at": FETCHED, "flags": flags, "interval": interval, "year": day.year}
    for symbol, provider, provider_id, currency, day, until, sessions, open_, high, low, close, volume, flags, interval
    in [
        (*WORDS, D(2020, 12, 28), D(2020, 12, 30), 3, 1.0, 9.25, 0.5, 3.1, 60.0, 0, "1mo"),
        (*WORDS, D(2021, 3, 1), None, None, 5.0, 6.0, 4.0, 5.5, None, 0, "1d"),
        (*WORDS, D(2021, 3, 2), None, None, 5.5, 5.5, 5.5, 5.5, 0.0, MANUAL, "1d"),
        ("yahoo:MSFT", "yahoo", "MSFT", "USD", D(2021, 3, 1), None, None, 7.0, 7.0, 7.0, 7.0, 1e12, 0, "1d"),
    ]
]  # fmt: skip
ACTIONS = [
    {"provider": "yahoo", "provider_id": "AAPL", "ex_date": D(2021, 3, 2), "kind": "split", "value": 4.0,
     "currency": "", "withdrawn": False, "fetched_at": FETCHED},
]  # fmt: skip
COVERAGE = [
    {"provider": "yahoo", "provider_id": "AAPL", "first_day": D(2020, 12, 1), "last_day": D(2021, 3, 2),
     "fetched_at": FETCHED},
]  # fmt: skip
TABLES = {"bars": BARS, "actions": ACTIONS, "coverage": COVERAGE}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a store that has been rolled up, has parts that nothing lists, and an entry since."""
    tmp_path = tmp_path_factory.mktemp("interop")
    days = [
        Bar(D(2020, 12, 28), 1.0, 2.0, 0.5, 1.5, 10.0),
        Bar(D(2020, 12, 29), 1.5, 9.25, 1.0, 2.0, 20.0),
        Bar(D(2020, 12, 30), 2.0, 3.5, 2.0, 3.1, 30.0),
    ]
    asked = [(D(2020, 12, 1), D(2021, 3, 2))]
    store(tmp_path).add(AAPL, "USD", days, [Action(D(2021, 3, 2), "split", 4.0)], asked, NOON_MS, symbol="AAPL")
    store(tmp_path).upkeep().run(D(2021, 2, 15), D(2021, 2, 1), lambda _: {}, lambda *_: None, dry_run=False)
    own = Bar(D(2021, 3, 2), 5.5, 5.5, 5.5, 5.5, 0.0, MANUAL)
    store(tmp_path).add(
        AAPL, "USD", [Bar(D(2021, 3, 1), 5.0, 6.0, 4.0, 5.5, None), own], [], [], NOON_MS, symbol="AAPL"
    )
    store(tmp_path).add(MSFT, "USD", [Bar(D(2021, 3, 1), 7.0, 7.0, 7.0, 7.0, 1e12)], [], [], NOON_MS)
    assert len(part_files(home(tmp_path))) == 4
    return Path(home(tmp_path).store)


def listed(folder: Path) -> list[str]:
    from deltalake import DeltaTable

    return [os.path.join(folder, path) for path in DeltaTable(str(folder)).get_add_actions()["path"].to_pylist()]


def by_polars(folder: Path) -> list[dict[str, Any]]:
    polars = pytest.importorskip("polars")
    return polars.scan_delta(str(folder)).collect().to_dicts()  # type: ignore[no-any-return]


def by_duckdb(folder: Path) -> list[dict[str, Any]]:
    import duckdb

    with duckdb.connect() as connection:
        # A TIMESTAMPTZ needs pytz to become a datetime.
        asked = connection.execute(
            "SELECT * REPLACE (epoch_us(fetched_at) AS fetched_at) FROM read_parquet(?, hive_partitioning = ?)",
            [listed(folder), folder.name == "bars"],
        )
        names = [column[0] for column in asked.description or ()]
        found = [dict(zip(names, row, strict=True)) for row in asked.fetchall()]
    for row in found:
        row["fetched_at"] = dt.datetime.fromtimestamp(row["fetched_at"] // 1_000_000, dt.UTC)
    return found


def by_pyarrow(folder: Path) -> list[dict[str, Any]]:
    import pyarrow.dataset as ds

    read = ds.dataset(listed(folder), format="parquet", partitioning="hive", partition_base_dir=str(folder))
    return read.to_table().to_pylist()  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("read", [by_polars, by_duckdb, by_pyarrow])
def test_the_same_rows(folder: Path, read: Callable[[Path], list[dict[str, Any]]], name: str) -> None:
    found = read(folder / name)
    keys = list(TABLES[name][0])[:5]
    assert sorted(found, key=lambda row: [str(row[key]) for key in keys]) == TABLES[name]


def test_polars_leaves_out_parts_by_what_the_log_says_of_them(folder: Path) -> None:
    pl = pytest.importorskip("polars")
    found = pl.scan_delta(str(folder / "bars")).filter((pl.col("year") == 2020) & (pl.col("interval") == "1mo"))
    assert found.select("close").collect().to_series().to_list() == [3.1]
    found = pl.scan_delta(str(folder / "bars")).filter(pl.col("date") >= D(2021, 3, 2))
    assert found.select("close").collect().to_series().to_list() == [5.5]


# data/README.md


def told(heading: str) -> dict[str, str]:
    """The columns of a table and their types, as the page has them under ``heading``."""
    text = Path(shipped("README.md")).read_text()
    section = text.split(f"### {heading}\n", 1)[1].split("\n#", 1)[0]
    return dict(re.findall(r"^\| `(\w+)` \| (\S+) \|", section, re.MULTILINE))


ARROW = {
    "string": "string", "date": "date32[day]", "int32": "int32", "int64": "int64", "float64": "double",
    "boolean": "bool", "timestamp[us,UTC]": "timestamp[us, tz=UTC]",
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_the_page_tells_the_columns_and_their_types(folder: Path, name: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from deltalake import DeltaTable

    page = {column: ARROW[kind] for column, kind in told(f"store/{name}").items()}
    delta = pa.schema(DeltaTable(str(folder / name)).schema().to_arrow())
    assert {field.name: str(field.type) for field in delta} == page
    partition = DeltaTable(str(folder / name)).metadata().partition_columns
    assert partition == (["interval", "year"] if name == "bars" else [])
    for path in listed(folder / name):
        inside = {field.name: str(field.type) for field in pq.read_schema(path)}
        assert inside == {column: kind for column, kind in page.items() if column not in partition}


def test_the_page_tells_the_columns_of_the_latest_prices(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    store(tmp_path).put_latest([Quote(*AAPL, "1.50", "USD", None, NOON_MS, NOON_MS)])
    (path,) = Path(home(tmp_path).store, "latest").glob("*.parquet")
    page = {column: ARROW[kind] for column, kind in told("store/latest").items()}
    assert {field.name: str(field.type) for field in pq.read_schema(path)} == page
    assert pq.read_table(path).to_pylist()[0]["price"] == "1.50"
