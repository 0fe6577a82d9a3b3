"""Roll-ups of any bars with any splits, at any cuts: nothing is lost, nothing added, and no order of steps matters."""

import datetime as dt
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pricectl.engine.segments import cuts
from pricectl.model.bar import Action, Bar, Row, Segment
from stores import AAPL, NOON_MS, part_files, store
from stores import home as home_of

DAY = dt.timedelta(days=1)
FIRST, LAST = dt.date(2019, 11, 1), dt.date(2020, 4, 30)  # a turn of the year, a leap day
MONTHS = [Segment("1mo", FIRST, LAST)]
days = st.dates(FIRST, LAST)
prices = st.integers(1, 400).map(lambda quarters: quarters / 4)


@st.composite
def bars_(draw) -> list[Bar]:
    """Bars on any days, weeks of one session and holes among them, as from a listing in the middle of a month."""
    found = []
    for day in sorted(draw(st.sets(days, min_size=1, max_size=60))):
        open_, close, one, other = draw(st.tuples(prices, prices, prices, prices))
        volume = draw(st.none() | st.integers(0, 10**9).map(float))
        found.append(Bar(day, open_, max(open_, close, one), min(open_, close, other), close, volume))
    return found


splits = st.lists(
    st.builds(Action, days, st.just("split"), st.sampled_from([2.0, 0.5, 4.0, 1.5])),
    max_size=3,
    unique_by=lambda a: a.ex_date,
)
policies = st.builds(cuts, st.sampled_from(["1m", "2m"]), st.sampled_from(["2m", "3m", "all"]), days)


def roll_up(path: Path, policy) -> None:
    store(path).upkeep().run(policy.daily, policy.weekly, lambda _: {}, lambda *_: None, dry_run=False)


def months(path: Path, adjust: str) -> list[Row]:
    return store(path).history(AAPL, MONTHS, adjust)[1]


def weeks(path: Path, policy, adjust: str) -> list[Row]:
    first = max(policy.weekly, FIRST)
    return store(path).history(AAPL, [Segment("1wk", first, LAST + 3 * DAY)], adjust)[1]


def volume(rows) -> float:
    return sum(row.volume or 0.0 for row in rows)


@settings(max_examples=15, deadline=None)
@given(bars_(), splits, policies)
def test_a_roll_up_keeps_first_last_highest_lowest_and_volume(bars, actions, policy):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        store(path).add(AAPL, "USD", bars, actions, [], NOON_MS)
        before = {adjust: (months(path, adjust), weeks(path, policy, adjust)) for adjust in ("none", "split")}
        roll_up(path, policy)
        for adjust, told in before.items():
            assert (months(path, adjust), weeks(path, policy, adjust)) == told
        rows = months(path, "none")
        assert (rows[0].open, rows[-1].close) == (bars[0].open, bars[-1].close)
        assert max(row.high for row in rows) == max(bar.high for bar in bars)
        assert min(row.low for row in rows) == min(bar.low for bar in bars)
        assert volume(rows) == volume(bars)
        # Once more is the identity.
        files = part_files(home_of(path))
        roll_up(path, policy)
        assert part_files(home_of(path)) == files


@settings(max_examples=10, deadline=None)
@given(bars_(), splits, st.lists(policies, min_size=1, max_size=2), st.data())
def test_no_order_of_adding_rolling_up_and_learning_of_splits_matters(bars, actions, policy, data):
    """Splits may be learned late, but not of periods that are rolled up already: those need their days again."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        store(Path(one)).add(AAPL, "USD", bars, actions, [], NOON_MS)
        wanted = [months(Path(one), adjust) for adjust in ("none", "split")]
        half = data.draw(st.integers(0, len(bars)))
        first = bars[half:] if data.draw(st.booleans()) else bars[:half]
        steps = [
            ("bars", first),
            ("bars", [bar for bar in bars if bar not in first]),
            *(("cut", each) for each in policy),
        ]
        known = [action for action in actions if any(action.ex_date <= bar.date for bar in bars)]
        store(Path(other)).add(AAPL, "USD", [], known, [], NOON_MS)
        for number, (what, each) in enumerate(data.draw(st.permutations(steps))):
            if what == "cut":
                roll_up(Path(other), each)
            elif each:
                store(Path(other)).add(AAPL, "USD", each, [], [], NOON_MS + number)
        late = [action for action in actions if action not in known]
        store(Path(other)).add(AAPL, "USD", [], late, [], NOON_MS + 50)
        assert [months(Path(other), adjust) for adjust in ("none", "split")] == wanted
