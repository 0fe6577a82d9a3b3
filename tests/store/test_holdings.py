"""How much the store holds, told without opening a part."""

import datetime as dt
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pricectl.errors import Damaged
from pricectl.store.holdings import holdings, on_disk
from shell import environment
from stores import AAPL, MSFT, D, add, flat, home, store


def test_nothing_is_stored(tmp_path: Path) -> None:
    assert [tuple(held) for held in holdings(home(tmp_path))] == [
        (name, 0, 0, 0, "", "") for name in ("daily", "weekly", "monthly", "actions", "coverage")
    ]
    assert on_disk(home(tmp_path)) == 0


def test_what_is_stored_is_counted_by_tier(tmp_path: Path) -> None:
    to = store(tmp_path)
    add(to, [flat(D(2024, 12, 31), 1.0), flat(D(2025, 1, 2), 2.0)], AAPL)
    add(to, [flat(D(2025, 1, 3), 3.0)], MSFT)
    daily, weekly, _, actions, coverage = holdings(home(tmp_path))
    assert (daily.parts, daily.rows, daily.first, daily.last) == (3, 3, "2024-12-31", "2025-01-03")
    assert (weekly.rows, actions.rows, coverage.rows) == (0, 0, 2)
    files = list((tmp_path / "store" / "bars").rglob("*.parquet"))
    assert daily.bytes == sum(path.stat().st_size for path in files)
    stray = tmp_path / "store" / "bars" / "stray.parquet"
    before = on_disk(home(tmp_path))
    stray.write_bytes(b"x" * 1000)
    assert on_disk(home(tmp_path)) == before + 1000
    assert holdings(home(tmp_path))[0] == daily


def test_a_damaged_log_is_told(tmp_path: Path) -> None:
    add(store(tmp_path), [flat(dt.date(2025, 1, 2), 1.0)])
    (entry,) = (tmp_path / "store" / "bars" / "_delta_log").glob("*.json")
    os.truncate(entry, 20)
    with pytest.raises(Damaged):
        holdings(home(tmp_path))


def test_neither_duckdb_nor_pyarrow_is_needed(tmp_path: Path) -> None:
    add(store(tmp_path), [flat(dt.date(2025, 1, 2), 1.0)])
    code = (
        "import sys\n"
        "from pricectl.home import Home\n"
        "from pricectl.store.holdings import holdings\n"
        f"print(holdings(Home({str(tmp_path)!r}))[0].rows)\n"
        "print(sorted({'duckdb', '_duckdb', 'pyarrow', 'deltalake'} & set(sys.modules)))\n"
    )
    env = environment(tmp_path)
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n[]\n"
