"""A person's own bars into the store: all rows or none, on the right scale, and theirs for good. The clock stands at
Tuesday 24 November 2026, noon in UTC: the last completed session of New York is Monday the 23rd."""

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engines import SetClock, engine
from pricectl.config import load
from pricectl.engine import Engine, history, transfer
from pricectl.engine.ranges import read_wish
from pricectl.engine.refresh import Order
from pricectl.engine.transfer import Options
from pricectl.engine.unattended import refresh
from pricectl.errors import StoreError, UsageError
from pricectl.home import Home
from pricectl.model.asset import Asset, Series
from pricectl.model.bar import MANUAL, SUSPECT, Action, Bar
from pricectl.simulator import Market, Simulator

NOW_MS = 1_795_521_600_000  # 2026-11-24T12:00Z
APPLE = Series("yahoo", "AAPL")
BITCOIN = Series("binance", "BTCUSDT")
D = dt.date
HEAD = "symbol,date,open,high,low,close,volume\n"
BTC = "BTC,2024-01-02,1,2,0.5,1.5,10\n"


class World:
    """An engine in a home of its own, files beside it; nobody to ask."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.engine = Engine(load(Home(str(folder / "home")), {}, {}), SetClock(NOW_MS), self.said.append)

    def file(self, data: str | bytes, name: str = "bars.csv") -> str:
        path = self.folder / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return str(path)

    def read(self, data: str | bytes, **options: str) -> transfer.Checked:
        return transfer.read(self.engine, self.file(data), Options(**options))

    def refused(self, data: str | bytes, **options: str) -> list[tuple[int, str]]:
        return [(one.line, one.reason) for one in self.read(data, **options).refused]

    def take(self, data: str | bytes, **options: str) -> list[transfer.Own]:
        checked = self.read(data, **options)
        assert checked.refused == []
        transfer.store(self.engine, checked.own, NOW_MS)
        return checked.own

    def stored(self, series: Series = BITCOIN) -> list[Bar]:
        return self.engine.store.traded(series, D.min, D.max)[1]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_rows_of_many_assets_are_stored_as_the_persons_own(world: World):
    own = world.take(HEAD + "BTC,2024-01-03,3,4,2.5,3.5,\nyahoo:NVDA,2024-01-02,5,6,4,5.5,7\n" + BTC, prices="traded")
    assert [(one.asset.symbol, one.currency, one.added) for one in own] == [("BTC", "USDT", 2), ("NVDA", "USD", 1)]
    assert world.stored() == [
        Bar(D(2024, 1, 2), 1.0, 2.0, 0.5, 1.5, 10.0, MANUAL),
        Bar(D(2024, 1, 3), 3.0, 4.0, 2.5, 3.5, None, MANUAL),
    ]
    assert world.engine.store.traded(BITCOIN, D.min, D.max)[0] == "USDT"


def test_all_is_one_commit(world: World):
    rows = "".join(f"BTC,{year}-01-02,1,2,0.5,1.5,10\nETH,{year}-01-02,1,2,0.5,1.5,10\n" for year in range(2018, 2026))
    world.take(HEAD + rows)
    log = world.folder / "home" / "store" / "bars" / "_delta_log"
    assert [path.name for path in log.glob("*.json")] == ["00000000000000000000.json"]
    assert not (world.folder / "home" / "store" / "coverage").exists()


def test_columns_go_by_name_in_any_case_and_order(world: World):
    text = "Adj Close,VOLUME,Close,low,High, Open ,Date,Ticker,Dividends\n9,10,1.5,0.5,2,1,2024-01-02,BTC,0\n"
    checked = world.read(text)
    assert checked.own[0].bars == [Bar(D(2024, 1, 2), 1.0, 2.0, 0.5, 1.5, 10.0, MANUAL)]
    assert checked.notes == ["columns left aside: 'Adj Close', 'Dividends'"]


def test_a_mark_of_utf8_crlf_and_empty_lines_change_nothing(world: World):
    text = "\ufeff" + HEAD + "\n" + BTC + "\n,,,,,,\n"
    assert world.read(text.replace("\n", "\r\n")).own[0].bars == [Bar(D(2024, 1, 2), 1.0, 2.0, 0.5, 1.5, 10.0, MANUAL)]


def test_where_a_file_only_has_closes_each_bar_is_its_close(world: World):
    checked = world.read("date,nav\n2024-01-02,1.5\n", symbol="BTC")
    assert checked.own[0].bars == [Bar(D(2024, 1, 2), 1.5, 1.5, 1.5, 1.5, None, MANUAL)]
    assert checked.notes == ["no open, high and low: each bar is its close"]


@pytest.mark.parametrize(
    ("text", "options", "why"),
    [
        ("", {}, "is empty"),
        ("\n\n", {}, "is empty"),
        ("symbol,date,open,high,low\n", {}, "no column close"),
        ("symbol,date,open,close\n", {}, "no column high and no column low"),
        ("symbol;date;open;high;low;close\n", {}, "no column date"),
        ("symbol,date,open,high,low,close,price\n", {}, "more than one column is the close"),
        ("symbol,ticker,date,close\n", {}, "more than one column is the symbol"),
        ("date,close\n", {}, "no column symbol"),
        ("date,close,symbol\n", {"symbol": "BTC"}, "it has a symbol column"),
        ('date,close\n2024-01-02,"1.5\n', {"symbol": "BTC"}, "line 2: unexpected end of data"),
        (b"date,close\n2024-01-02,\xff\n", {"symbol": "BTC"}, "is not UTF-8"),
        ("date,close\n".encode("utf-16"), {"symbol": "BTC"}, "is not UTF-8"),
        ("date,close\n2024-01-02," + "1" * 200_000 + "\n", {"symbol": "BTC"}, "line 2: field larger than"),
    ],
)
def test_a_file_that_cannot_be_read_as_a_whole_is_said_so(world: World, text, options, why):
    with pytest.raises(UsageError, match=why):
        world.read(text, **options)


def test_a_file_that_is_none(world: World):
    with pytest.raises(UsageError, match="is a folder"):
        transfer.read(world.engine, str(world.folder), Options(format="csv"))
    with pytest.raises(UsageError, match="No such file"):
        transfer.read(world.engine, str(world.folder / "none.csv"), Options())
    with pytest.raises(UsageError, match="no file is called so"):
        transfer.read(world.engine, "a\x00b.csv", Options())
    with pytest.raises(UsageError, match="may hold anything"):
        transfer.read(world.engine, world.file(HEAD, "bars.txt"), Options())


def test_every_bad_row_is_named_with_its_line_and_the_reason(world: World):
    text = (
        HEAD
        + BTC
        + "BTC,2023-02-29,1,2,0.5,1.5,10\n"
        + "BTC,2024-01-04,1,2,0.5\n"
        + '"NOPE\nNOPE",2024-01-04,1,2,0.5,1.5,10\n'
        + "BTC,2024-01-05,0,2,0.5,1.5,10\n"
        + "BTC,2024-01-06,1,2,0.5,-1.5,10\n"
        + "BTC,2024-01-07,1,2,0.5,1.5,10,11\n"
        + "BTC,2024-01-08,1,0.5,2,1.5,10\n"
        + ",2024-01-09,1,2,0.5,1.5,10\n"
        + "BTC,2026-11-24,1,2,0.5,1.5,10\n"
        + "BTC,2027-01-01,1,2,0.5,1.5,10\n"
        + "AAPL,2024-01-06,1,2,0.5,1.5,10\n"
    )
    assert world.refused(text, prices="traded") == [
        (3, "'2023-02-29' is a day that does not exist"),
        (4, "5 cells under 7 columns"),
        (5, "'NOPE\\nNOPE' is not a symbol; letters, digits and . - = ^ & _ only"),
        (7, "open is 0: a missing price is no price"),
        (8, "close -1.5 is negative"),
        (9, "8 cells under 7 columns"),
        (10, "high 0.5 is below low 2"),
        (11, "no symbol"),
        (12, "2026-11-24 is not over: the last completed session of BTC is 2026-11-23"),
        (13, "2027-01-01 is not over: the last completed session of BTC is 2026-11-23"),
        (14, "2024-01-06 is a Saturday: no session of AAPL"),
    ]


def test_hostile_cells_are_refused_and_nothing_of_them_reaches_a_terminal(world: World):
    cells = ["=1+1", "\x1b[31m", "a\x00b", "x" * 10_000, "../../etc/passwd", "💥", "-2+3"]
    text = HEAD + "".join(f'"{cell}","{cell}","{cell}",2,0.5,1.5,10\n' for cell in cells)
    refused = world.read(text).refused
    assert [one.line for one in refused] == [2, 3, 4, 5, 6, 7, 8]
    assert all(one.reason.isprintable() and len(one.reason) < 300 for one in refused)


def test_the_same_row_twice_counts_once_and_two_that_differ_are_refused(world: World):
    checked = world.read(HEAD + BTC + BTC)
    assert checked.notes == ["1 rows stand there twice, and count once"]
    assert checked.own[0].added == 1
    other = "btc,2024-01-02,1,2,0.5,1.6,10\n"
    assert world.refused(HEAD + BTC + other) == [(3, "2024-01-02 stands on line 2 already, with other prices")]


def test_a_bar_that_contradicts_itself_is_taken_marked_and_named(world: World):
    checked = world.read(HEAD + "BTC,2024-01-02,1,2,0.5,2.5,10\nBTC,2024-01-03,1,2,0.5,2.000001,10\n")
    assert [(one.line, one.reason) for one in checked.doubtful] == [
        (2, "2024-01-02: open 1 or close 2.5 lies outside low 0.5 to high 2")
    ]
    assert [bar.flags for bar in checked.own[0].bars] == [MANUAL | SUSPECT, MANUAL]


def test_oil_may_be_negative_and_a_holiday_may_have_traded(world: World):
    checked = world.read(
        HEAD + "CL=F,2020-04-20,17.73,17.85,-40.32,-37.63,1\nAAPL,2024-12-25,1,2,1,2,1\n", prices="traded"
    )
    assert [one.reason for one in checked.doubtful] == [
        "2020-04-20: low -40.32 is not positive",
        "2024-12-25 is a holiday",
    ]
    assert checked.refused == []


def test_the_currency_is_the_assets_and_is_never_relabelled(world: World):
    head = "symbol,date,close,currency\n"
    assert world.refused(head + "OCDO.L,2024-01-02,5,GBP\n", prices="traded") == [(2, "OCDO.L is in GBp, not in GBP")]
    assert world.refused(HEAD + BTC, currency="USD") == [(2, "BTC is in USDT, not in USD")]
    assert world.refused(head + "BTC,2024-01-02,5,USDT\n", currency="USD") == [
        (2, "in 'USDT', and --currency says USD")
    ]
    assert world.refused(head + "BTC,2024-01-02,5,=USDT\n") == [(2, "'=USDT' is not a currency")]
    assert world.read(head + "BTC,2024-01-02,5,USDT\n").own[0].currency == "USDT"


def test_a_currency_that_nothing_says_must_be_said(world: World):
    text = HEAD + "yahoo:ZZZZ.XX,2024-01-02,1,2,0.5,1.5,10\n"
    assert world.refused(text, prices="traded") == [(2, "the currency of yahoo:ZZZZ.XX is not known: say --currency")]
    assert world.take(text, prices="traded", currency="CHF")[0].currency == "CHF"
    assert world.refused(text, prices="traded", currency="EUR") == [(2, "what is stored of yahoo:ZZZZ.XX is in CHF")]


def test_what_the_file_says_of_the_series_must_be_so(world: World):
    head = "symbol,date,close,provider,provider_id,interval\n"
    text = head + "BTC,2024-01-02,5,yahoo,,\nBTC,2024-01-03,5,binance,BTCEUR,\nBTC,2024-01-04,5,,,1wk\n"
    assert world.refused(text) == [
        (2, "BTC is binance:BTCUSDT here, not 'yahoo'"),
        (3, "BTC is binance:BTCUSDT here, not 'BTCEUR'"),
        (4, "a bar of interval '1wk': only daily bars (1d) are imported"),
    ]


# Scales

SHARE = HEAD + "AAPL,2020-08-28,126.0125,126.4425,124.5775,124.8075,187630000\nAAPL,2020-08-31,127,131,126,129,5\n"
SPLIT = Action(D(2020, 8, 31), "split", 4.0)


def known(world: World, *actions: Action) -> None:
    """As if the days to now had been asked for."""
    world.engine.store.add(APPLE, "USD", [], actions, [(D(2020, 1, 1), D(2026, 11, 23))], NOW_MS)


def test_where_splits_may_be_unknown_the_scale_must_be_said(world: World):
    ((line, reason),) = world.refused(SHARE)
    assert line == 2
    assert reason.startswith("AAPL may have splits since 2020-08-28 that are not known yet: say --prices traded or")


def test_split_adjusted_takes_splits_that_are_known(world: World):
    ((line, reason),) = world.refused(SHARE, prices="split-adjusted")
    assert line == 2
    assert reason.endswith("2020-08-28 are not known: `pricectl history AAPL --from 2020-08-28` asks for them")


def test_where_a_split_lies_after_the_first_bar_the_scale_must_be_said(world: World):
    known(world, SPLIT)
    ((line, reason),) = world.refused(SHARE)
    assert line == 2
    assert reason.startswith("AAPL has splits since 2020-08-28: say --prices")


def test_split_adjusted_prices_are_turned_back_to_the_cent(world: World):
    known(world, SPLIT)
    world.take(SHARE, prices="split-adjusted")
    assert world.stored(APPLE) == [
        Bar(D(2020, 8, 28), 504.05, 505.77, 498.31, 499.23, 46907500.0, MANUAL),
        Bar(D(2020, 8, 31), 127.0, 131.0, 126.0, 129.0, 5.0, MANUAL),
    ]


def test_traded_prices_are_stored_as_they_are(world: World):
    known(world, SPLIT)
    world.take(SHARE, prices="traded")
    assert world.stored(APPLE)[0] == Bar(D(2020, 8, 28), 126.0125, 126.4425, 124.5775, 124.8075, 187630000.0, MANUAL)


def test_where_it_makes_no_difference_the_scale_need_not_be_said(world: World):
    known(world)
    assert world.read(SHARE).own[0].bars[0].close == 124.8075


def test_a_split_before_the_first_bar_makes_no_difference(world: World):
    known(world, Action(D(2020, 8, 28), "split", 4.0))
    assert world.read(SHARE).own[0].bars[0].close == 124.8075


def test_a_column_that_says_none_is_enough_one_that_says_split_does_not_say_as_of_when(world: World):
    known(world, SPLIT)
    head, row = "symbol,date,close,adjusted\n", "AAPL,2020-08-28,499.23,"
    assert world.read(head + row + "none\n").own[0].bars[0].close == 499.23
    assert world.refused(head + row + "split\n")[0][1].startswith("AAPL has splits since 2020-08-28: say --prices")
    assert world.read(head + "AAPL,2020-08-28,124.8075,split\n", prices="split-adjusted").own[0].bars[0].close == 499.23
    assert world.refused(head + row + "split\n", prices="traded") == [
        (2, "adjusted is split, and --prices says traded")
    ]
    assert world.refused(head + row + "all\n", prices="traded")[0][1].startswith("adjusted for dividends too")
    assert world.refused(head + row + "yes\n") == [(2, "adjusted is none of none, split, all")]


# Again, and against the provider


def test_importing_the_same_again_changes_nothing(world: World):
    world.take(HEAD + BTC)
    (own,) = world.take(HEAD + BTC)
    assert (own.added, own.replaced, own.same, own.bars) == (0, 0, 1, [])
    log = world.folder / "home" / "store" / "bars" / "_delta_log"
    assert len(list(log.glob("*.json"))) == 1


def test_importing_a_day_again_replaces_it(world: World):
    world.take(HEAD + BTC)
    checked = world.read(HEAD + "BTC,2024-01-02,1,2,0.5,1.75,10\n")
    transfer.store(world.engine, checked.own, NOW_MS + 1000)
    assert (checked.own[0].replaced, checked.own[0].over) == (1, 0)
    assert world.stored() == [Bar(D(2024, 1, 2), 1.0, 2.0, 0.5, 1.75, 10.0, MANUAL)]


def test_a_read_only_account_imports_nothing(tmp_path: Path):
    world = World(tmp_path)
    world.engine = Engine(load(Home(str(tmp_path / "home")), {"PRICECTL_READ_ONLY": "1"}, {}), SetClock(NOW_MS), print)
    checked = world.read(HEAD + BTC)
    with pytest.raises(StoreError, match="read_only is set"):
        transfer.store(world.engine, checked.own, NOW_MS)


def test_no_fetch_ever_replaces_an_own_price(tmp_path: Path):
    """Imported before and after the provider was asked; asked again by history, --refresh, refresh, and later."""
    asset = Asset("AAPL", "Apple", "stock", "", "AAPL", "yahoo", "AAPL", "USD", "NMS")
    clock = SetClock(NOW_MS)
    market = Market([asset], clock=clock)
    market.replay(
        "yahoo",
        "AAPL",
        [Bar(D(2026, 11, day), 10.0, 11.0, 9.0, 10.5, 100.0) for day in (16, 17, 18, 19, 20, 23, 24, 25)],
    )
    mine = "symbol,date,open,high,low,close,volume,adjusted\nAAPL,2026-11-{},50,60,40,55,5,none\n"
    path = tmp_path / "mine.csv"

    def closes(again: bool = False) -> list[float]:
        answer = history.get(own, history.Query("AAPL", read_wish(None, "2026-11-16", None), refresh=again))
        return [row.close for row in answer.rows]

    def take(day: int) -> None:
        path.write_text(mine.format(day))
        checked = transfer.read(own, str(path), Options())
        assert checked.refused == []
        transfer.store(own, checked.own, clock.now_ms())

    with Simulator(market) as simulator:
        own = engine(tmp_path / "home", simulator, clock)
        take(18)
        assert closes() == [10.5, 10.5, 55.0, 10.5, 10.5, 10.5]
        take(20)
        assert closes() == [10.5, 10.5, 55.0, 10.5, 55.0, 10.5]
        assert closes(again=True) == [10.5, 10.5, 55.0, 10.5, 55.0, 10.5]
        refresh(own, Order([asset], 20.0, 20.0, backfill=True), [], lambda: False)
        assert closes() == [10.5, 10.5, 55.0, 10.5, 55.0, 10.5]
        clock.ms += 2 * 86_400_000
        refresh(own, Order([asset], 20.0, 20.0), [], lambda: False)
        assert closes() == [10.5, 10.5, 55.0, 10.5, 55.0, 10.5, 10.5, 10.5]
        assert own.store.last_closes([APPLE])[APPLE][0] == D(2026, 11, 25)
        take(25)
        assert own.store.last_closes([APPLE])[APPLE] == (D(2026, 11, 25), 55.0, "USD")


# Parquet and Arrow


def table(**columns: pa.Array) -> pa.Table:
    return pa.table({"symbol": ["BTC"], "date": [D(2024, 1, 2)], "close": [1.5], **columns})


def take_table(world: World, given: pa.Table) -> transfer.Checked:
    path = world.folder / "bars.parquet"
    pq.write_table(given, path)
    return transfer.read(world.engine, str(path), Options())


def test_a_parquet_file_with_numbers_as_they_come(world: World):
    given = table(
        symbol=pa.array(["BTC"]).dictionary_encode(),
        date=pa.array([dt.datetime(2024, 1, 2, 5)], pa.timestamp("ns", tz="America/New_York")),
        close=pa.array([166.69], pa.float32()),
        volume=pa.array([7], pa.int64()),
    )
    (own,) = take_table(world, given).own
    assert own.bars == [Bar(D(2024, 1, 2), 166.69, 166.69, 166.69, 166.69, 7.0, MANUAL)]


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"close": pa.array(["1.5"])}, "'close' holds string, not numbers"),
        ({"close": pa.array([True])}, "'close' holds bool, not numbers"),
        ({"close": pa.array([[1.5]])}, "'close' holds list"),
        ({"date": pa.array([1704153600])}, "'date' holds int64, not days"),
        ({"date": pa.array([{"y": 2024}])}, "'date' holds struct"),
        ({"symbol": pa.array([5])}, "'symbol' holds int64, not text"),
        ({"symbol": pa.array([b"BTC"])}, "'symbol' holds binary, not text"),
    ],
)
def test_a_parquet_column_of_the_wrong_type_is_named(world: World, columns, why):
    with pytest.raises(UsageError, match=why):
        take_table(world, table(**columns))


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"close": pa.array([float("nan")])}, "close nan is not a finite number"),
        ({"close": pa.array([None], pa.float64())}, "no close"),
        ({"close": pa.array([None])}, "no close"),
        ({"date": pa.array([dt.datetime(2024, 1, 2, 16)])}, "has a time of day"),
        ({"date": pa.array([None], pa.date32())}, "no date"),
        ({"symbol": pa.array(["x" * 10_000])}, "is not a symbol"),
    ],
)
def test_a_parquet_row_that_cannot_be_taken_is_named(world: World, columns, why):
    (refused,) = take_table(world, table(**columns)).refused
    assert refused.line == 1
    assert why in refused.reason


def test_a_file_that_is_not_what_its_name_says(world: World):
    for name, what in (("x.parquet", "a Parquet"), ("x.arrow", "an Arrow")):
        for data in (b"", b"PAR1", b"ARROW1" + bytes(100), HEAD.encode(), bytes(10_000)):
            with pytest.raises(UsageError, match=f"is not {what} file"):
                transfer.read(world.engine, world.file(data, name), Options())


def test_a_damaged_parquet_file_is_refused_whole(world: World):
    path = world.folder / "bars.parquet"
    pq.write_table(pa.concat_tables([table()] * 1000), path, compression="zstd", write_page_checksum=True)
    data = bytearray(path.read_bytes())
    data[4:60] = bytes(56)
    path.write_bytes(data)
    with pytest.raises(UsageError, match=r"bars\.parquet"):
        transfer.read(world.engine, str(path), Options())
