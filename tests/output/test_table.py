"""Tables: plain and whole in a pipe, fitted and dimmed on a terminal."""

import pytest

from pricectl.output import table
from pricectl.output.rows import Column, Number, Value
from pricectl.output.terminal import PIPE, Screen

COLUMNS = (Column("symbol", "SYMBOL"), Column("name", "NAME"), Column("price", "PRICE"), Column("stale", ""))
RECORDS: list[dict[str, Value]] = [
    {"symbol": "BTC", "name": "Bitcoin", "price": Number("65000.10"), "stale": False},
    {"symbol": "OCDO.L", "name": "Ocado Group, a grocer with robots", "price": 2.5, "stale": True},
    {"symbol": "X", "name": None, "price": None},
]


def drawn(screen: Screen) -> str:
    return "".join(table.lines(COLUMNS, RECORDS, screen))


def test_a_piped_table_is_plain_and_whole() -> None:
    assert drawn(PIPE) == (
        "SYMBOL  NAME                                  PRICE\n"
        "BTC     Bitcoin                            65000.10\n"
        "OCDO.L  Ocado Group, a grocer with robots       2.5  stale\n"
        "X       –                                         –\n"
    )


def test_on_a_terminal_text_gives_way_and_numbers_do_not() -> None:
    assert drawn(Screen(40, False, True, True)) == (
        "SYMBOL  NAME                PRICE\n"
        "BTC     Bitcoin          65000.10\n"
        "OCDO.L  Ocado Group, a…       2.5  stale\n"
        "X       –                       –\n"
    )


def test_a_terminal_too_narrow_for_the_numbers_gets_them_all_the_same() -> None:
    assert "65000.10" in drawn(Screen(20, False, True, True))


def test_numbers_keep_their_room_where_there_is_none() -> None:
    records: list[dict[str, Value]] = [{"name": "Bitcoin and more", "price": Number("12345678901234567890.5")}]
    columns = (Column("name", "NAME"), Column("price", "PRICE"))
    assert list(table.lines(columns, records, Screen(20, False, True, True))) == [
        "NAME                       PRICE\n",
        "Bitcoin…  12345678901234567890.5\n",
    ]


def test_in_colour_the_heading_stands_out_and_a_stale_row_recedes_and_says_so() -> None:
    lines = drawn(Screen(200, True, True, True)).splitlines()
    assert [line[:4] for line in lines] == ["\x1b[1m", "BTC ", "\x1b[2m", "X   "]
    assert lines[0].endswith("PRICE\x1b[0m")
    assert lines[2].endswith("stale\x1b[0m")


def test_an_ascii_screen_gets_an_ascii_null() -> None:
    assert drawn(Screen(None, False, False, False)).isascii()


def test_text_is_cleaned_before_it_is_measured() -> None:
    (_, line) = table.lines((Column("name", "NAME"),), [{"name": "a\x1b[2J\nb"}])
    assert line == "a\ufffd[2J\ufffdb\n"


def test_a_long_name_is_whole_in_a_pipe_and_cut_on_a_terminal() -> None:
    name = Column("name", "N")
    assert list(table.lines((name,), [{"name": "x" * 300}]))[1] == "x" * 300 + "\n"
    assert list(table.lines((name,), [{"name": "x" * 300}], Screen(500, False, True, True)))[1] == "x" * 199 + "…\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [(100.0, "100"), (0.1, "0.1"), (1e-07, "0.0000001"), (1.5e16, "15000000000000000"), (-2.25, "-2.25")],
)
def test_floats_are_in_plain_notation(value: float, text: str) -> None:
    assert table.plain(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (False, "false"), (7, "7"), ("", "–"), (["a"], '["a"]'), ({"n": 1}, '{"n": 1}')]
)
def test_other_values(value: Value, text: str) -> None:
    assert table.cell("key", value) == text


def test_one_record_has_its_names_to_the_left() -> None:
    assert list(table.pairs({"symbol": "BTC", "name": None, "schemaVersion": 1})) == ["symbol  BTC\n", "name    –\n"]


def test_no_records_are_a_heading_alone() -> None:
    assert list(table.lines(COLUMNS, [])) == ["SYMBOL  NAME  PRICE\n"]
