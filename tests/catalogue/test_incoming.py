"""Assets from a CSV file: all of them, or none and why."""

from pathlib import Path

import pytest

from pricectl.catalogue.incoming import Refused, read
from pricectl.errors import UsageError
from pricectl.model.asset import Asset

APPLE = Asset("AAPL", "Apple", "stock", "Information Technology", "AAPL", "yahoo", "AAPL", "USD", "NMS")
KNOWN = {"AAPL": APPLE}


def file(folder: Path, content: str | bytes) -> str:
    path = folder / "mine.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def test_rows_become_assets_and_what_is_left_out_is_inferred(tmp_path: Path) -> None:
    path = file(tmp_path, "Symbol,Name,Type\njoby,Joby Aviation,\nPEPE2,,crypto\n\n  ,,\naapl,,\n")
    assert read(path, KNOWN.get) == (
        [
            Asset("JOBY", "Joby Aviation", "stock", "stock", "JOBY", "yahoo", "JOBY", "", ""),
            Asset("PEPE2", "PEPE2", "crypto", "crypto", "PEPE2", "binance", "PEPE2USDT", "USDT", "BINANCE"),
            APPLE,
        ],
        [],
    )


def test_every_row_that_cannot_be_taken_is_named_with_line_and_reason(tmp_path: Path) -> None:
    text = (
        "symbol,name,type,currency\n"
        "JOBY,Joby,stock,USD\n"
        "../x,evil,stock,USD\n"
        '"MULTI","two\nlines",stock,USD\n'
        "BOND,a bond,bond,USD\n"
        "JOBY,again,stock,USD\n"
        "AAPL,Pear,stock,USD\n"
        "LONG,a,stock,USD,more\n"
        ",no symbol,stock,USD\n"
        "SEP,a\u2028b,stock,USD\n"
        "NUL\0,a,stock,USD\n"
    )
    taken, refused = read(file(tmp_path, text), KNOWN.get)
    assert [asset.symbol for asset in taken] == ["JOBY"]
    assert refused == [
        Refused(3, "../x", "'../x' is not a symbol"),
        Refused(5, "MULTI", r"'two\nlines' cannot be a name"),
        Refused(6, "BOND", "'bond' is not a type"),
        Refused(7, "JOBY", "JOBY stands on line 2 already"),
        Refused(8, "AAPL", "AAPL is taken: name is Apple, not Pear"),
        Refused(9, "LONG", "5 cells under 4 columns"),
        Refused(10, "", "'' is not a symbol"),
        Refused(11, "SEP", r"'a\u2028b' cannot be a name"),
        Refused(12, "NUL\0", r"'NUL\x00' is not a symbol"),
    ]


def test_what_contradicts_is_taken_where_it_may_replace(tmp_path: Path) -> None:
    taken, refused = read(file(tmp_path, "symbol,name\nAAPL,Pear\n"), KNOWN.get, replace=True)
    assert (taken, refused) == ([APPLE._replace(name="Pear")], [])


def test_a_file_without_rows_is_an_empty_list(tmp_path: Path) -> None:
    assert read(file(tmp_path, "symbol\n"), KNOWN.get) == ([], [])


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("", "the first line must name the columns"),
        ("name,type\nA,stock\n", "the first line must name the columns"),
        ("symbol,symbol\n", "the first line must name the columns"),
        ("symbol,price\n", "unknown column 'price'"),
        ("symbol\n\xe9".encode("latin-1"), "is not UTF-8 text"),
        ("symbol\n" + 'A"', None),
        ('symbol\n"A', "line 2"),
        ("symbol\n" + "A" * (17 << 20), "longer than 16 MB"),
    ],
)
def test_what_cannot_be_read_at_all_is_an_error(tmp_path: Path, content: str | bytes, what: str | None) -> None:
    path = file(tmp_path, content)
    if what is None:
        assert [one.line for one in read(path, KNOWN.get)[1]] == [2]
        return
    with pytest.raises(UsageError, match=what):
        read(path, KNOWN.get)


def test_a_file_that_is_not_there_or_no_file(tmp_path: Path) -> None:
    for path in (str(tmp_path / "none.csv"), str(tmp_path)):
        with pytest.raises(UsageError, match="cannot read"):
            read(path, KNOWN.get)
