"""What is kept aside, as lines of one file."""

import datetime as dt
import json
import os
from pathlib import Path

import pytest

from pricectl.errors import NotFound, Unwritable
from pricectl.home import Home
from pricectl.model.asset import Series
from pricectl.model.bar import Bar
from pricectl.state.quarantine import REJECTED, RELEASED, Quarantine

AAPL, BTC = Series("yahoo", "AAPL"), Series("binance", "BTCUSDT")
NOON_MS = 1_795_521_600_000


def bar(day: int, close: float = 10.0) -> Bar:
    return Bar(dt.date(2026, 11, day), close, close, close, close, 100.0)


@pytest.fixture
def kept(tmp_path):
    return Quarantine(Home(str(tmp_path / "home")))


def test_what_is_kept_aside_is_listed_until_it_is_decided(kept):
    assert kept.listed() == []
    kept.append(BTC, "spike", [bar(20), bar(21)], NOON_MS, [bar(20, 9.0), bar(19)], "USDT")
    kept.append(AAPL, "jump", [bar(23)], NOON_MS, (), "USD", may_settle=True)
    first, second, third = kept.listed()
    assert (first.series, first.why, first.bar, first.stored, first.currency) == (
        BTC,
        "spike",
        bar(20),
        bar(20, 9.0),
        "USDT",
    )
    assert (second.bar, second.stored, second.id, second.may_settle) == (bar(21), None, first.id, False)
    assert (third.series, third.at, third.may_settle) == (AAPL, "2026-11-24T12:00:00Z", True)
    assert kept.listed(AAPL) == [third]
    kept.decide(kept.named([f"{first.id}:2026-11-21"]), REJECTED, NOON_MS)
    assert kept.listed() == [first, third]
    kept.decide(kept.named([first.id, third.id]), RELEASED, NOON_MS, by="yahoo")
    assert kept.listed() == []
    assert [(one.bar.date.day, one.decision, one.by) for one in kept.listed(decided=True)] == [
        (20, RELEASED, "yahoo"), (21, REJECTED, "person"), (23, RELEASED, "yahoo"),
    ]  # fmt: skip
    with pytest.raises(NotFound):
        kept.named([first.id])


def test_of_a_day_the_last_one_said_waits(kept):
    kept.append(AAPL, "jump", [bar(20)], NOON_MS)
    kept.append(AAPL, "jump", [bar(20, 11.0)], NOON_MS + 1000)
    assert [one.bar.close for one in kept.listed()] == [11.0]
    assert [one.bar.close for one in kept.listed(decided=True)] == [10.0, 11.0]


def test_what_is_no_number_is_kept_too(kept):
    kept.append(AAPL, "not a number", [bar(20, float("nan"))], NOON_MS, decision=REJECTED)
    assert kept.listed() == []
    (one,) = kept.listed(decided=True)
    assert one.bar.close != one.bar.close
    assert "NaN" not in Path(kept.path).read_text()


def test_lines_of_the_first_format_are_read(kept):
    os.makedirs(os.path.dirname(kept.path))
    line = {
        "at": "2026-11-24T12:00:00Z", "series": "yahoo:AAPL", "why": "restated",
        "stored": [["2026-11-20", 1.0, 1.0, 1.0, 1.0, None, 0]],
        "fetched": [["2026-11-20", 2.0, 2.0, 2.0, 2.0, 5.0, 4]],
    }  # fmt: skip
    with open(kept.path, "w") as file:
        file.write(json.dumps(line) + "\n")
    (one,) = kept.listed()
    assert (one.bar.close, one.bar.flags, one.stored.volume, one.currency) == (2.0, 4, None, "")


def test_damaged_lines_are_counted_and_passed_over(kept):
    kept.append(AAPL, "jump", [bar(20)], NOON_MS)
    with open(kept.path, "ab") as file:
        file.write(b'{"half a line\nnot JSON\n[]\n{"fetched": 3, "series": "yahoo:AAPL"}\n{"a": 1}\n{"torn')
    kept.append(AAPL, "jump", [bar(23)], NOON_MS)
    assert [one.bar.date.day for one in kept.listed()] == [20, 23]
    assert kept.damaged == 6


def test_a_file_that_cannot_be_written_is_said(kept, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "state").write_text("not a folder")
    with pytest.raises(Unwritable):
        kept.append(AAPL, "jump", [bar(20)], NOON_MS)


def test_a_name_is_no_part_of_another(kept):
    kept.append(Series("yahoo", "AAPL.MX"), "jump", [bar(20)], NOON_MS)
    assert kept.listed(AAPL) == []


def test_only_the_owner_reads_it(kept):
    kept.append(AAPL, "jump", [bar(20)], NOON_MS)
    assert os.stat(kept.path).st_mode & 0o777 == 0o600
