"""``pricectl aggregate`` as real processes over a store that was filled by hand."""

import datetime as dt
import json
from pathlib import Path

from pricectl.model.asset import Series
from pricectl.model.bar import Bar
from shell import Ended, pricectl
from stores import NOON_MS, D, part_files, store
from stores import home as home_of

DAY = dt.timedelta(days=1)


def fill(home: Path) -> None:
    """Bitcoin on each day from 2022 to 2024: one coin a day at a price of 1."""
    days = [D(2022, 1, 1) + DAY * n for n in range(1096)]
    bars = [Bar(day, 1.0, 1.0, 1.0, 1.0, 1.0) for day in days]
    store(home).add(Series("binance", "BTCUSDT"), "USDT", bars, [], [(days[0], days[-1])], NOON_MS, symbol="BTC")


def aggregate(home: Path, *arguments: str) -> Ended:
    return pricectl("aggregate", *arguments, home=home)


def test_json_is_the_contracts(tmp_path: Path) -> None:
    fill(tmp_path)
    ended = aggregate(tmp_path, "--as-of", "2025-01-20", "--json")
    assert (ended.code, ended.err) == (0, "")
    said = json.loads(ended.out)
    sizes = {name: said.pop(name) for name in ("bytesBefore", "bytesAfter")}
    # Daily from Monday 1 January 2024 on, weekly from 1 January 2022 on: 104 whole weeks from Monday 3 January 2022,
    # the two days before, and 20 months that do not begin with a Monday.
    tiers = {
        name: (said[name]["before"], said[name]["after"], said[name]["periods"])
        for name in ("daily", "weekly", "monthly")
    }
    assert tiers == {"daily": (1096, 366, 0), "weekly": (0, 126, 126), "monthly": (0, 0, 0)}
    assert said["asOf"] == "2025-01-20"
    assert (said["dryRun"], said["waiting"], said["removed"], said["schemaVersion"]) == (False, 0, 0, 1)
    assert sizes["bytesBefore"] > sizes["bytesAfter"] > 0
    assert sum(said[name]["bytesBefore"] for name in tiers) == sizes["bytesBefore"]


def test_a_dry_run_says_so_and_writes_nothing(tmp_path: Path) -> None:
    fill(tmp_path)
    files = part_files(home_of(tmp_path))
    ended = aggregate(tmp_path, "--dry-run")
    assert ended.code == 0
    assert "nothing was written" in ended.err
    title, daily, weekly, monthly = (line.split() for line in ended.out.splitlines())
    assert title[0] == "TIER"
    assert (daily[:2], weekly[:2], monthly[:2]) == (["daily", "1096"], ["weekly", "0"], ["monthly", "0"])
    assert part_files(home_of(tmp_path)) == files
    assert json.loads(aggregate(tmp_path, "--dry-run", "--json").out)["dryRun"] is True


def test_again_changes_nothing_and_is_no_failure(tmp_path: Path) -> None:
    fill(tmp_path)
    assert aggregate(tmp_path, "-q").code == 0
    files = part_files(home_of(tmp_path))
    ended = aggregate(tmp_path, "-o", "csv")
    assert ended.code == 0
    assert ended.out.splitlines()[0] == "tier,before,after,periods,bytesBefore,bytesAfter"
    assert part_files(home_of(tmp_path)) == files


def test_a_day_to_come_and_no_day_are_refused(tmp_path: Path) -> None:
    for day in ("2999-01-01", "yesterday"):
        ended = aggregate(tmp_path, "--as-of", day)
        assert (ended.code, ended.out) == (2, "")
        assert "--as-of" in ended.err


def test_an_empty_home_is_nothing_to_do(tmp_path: Path) -> None:
    assert aggregate(tmp_path, "--json").code == 0
