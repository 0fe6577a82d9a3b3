"""``pricectl assets``, as real processes."""

import csv
import io
import json
import os
from pathlib import Path

import pytest

from shell import Ended, on_terminal, pricectl

HEADER = "symbol,name,type,category,code,provider,provider_id,currency,exchange,fallbacks,active,followed\n"
BRK_B = {
    "symbol": "BRK.B",
    "name": "Berkshire Hathaway (Class B)",
    "type": "stock",
    "category": "Financials",
    "code": "BRK-B",
    "provider": "yahoo",
    "provider_id": "BRK-B",
    "currency": "USD",
    "exchange": "NYQ",
    "active": True,
    "followed": False,
    "fallbacks": "tiingo:BRK-B",
}
MINE = "JOBY,Joby Aviation,stock,Industrials,JOBY,yahoo,JOBY,USD,NYQ,,,yes\n"


def assets(home: Path, *words: str, stdin: str = "") -> Ended:
    return pricectl("assets", *words, home=home, stdin=stdin)


def own(home: Path) -> str:
    return (home / "assets.csv").read_text().removeprefix(HEADER)


def test_show_in_every_format(tmp_path: Path) -> None:
    shown = assets(tmp_path, "show", "brk.b")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.splitlines()[:4] == [
        "symbol       BRK.B",
        "name         Berkshire Hathaway (Class B)",
        "type         stock",
        "category     Financials",
    ]
    assert json.loads(assets(tmp_path, "show", "yahoo:BRK-B", "--json").out) == {
        **BRK_B,
        "own": False,
        "schemaVersion": 1,
    }
    (row,) = csv.DictReader(io.StringIO(assets(tmp_path, "show", "BRK.B", "-o", "csv").out))
    assert row["provider_id"] == "BRK-B"
    assert sorted(os.listdir(tmp_path)) == []


def test_an_unknown_symbol_is_4_and_says_what_was_meant(tmp_path: Path) -> None:
    assert assets(tmp_path, "show", "BRK-B") == (4, "", "pricectl: unknown symbol BRK-B; did you mean BRK.B?\n")
    ended = assets(tmp_path, "show", "JPY=X", "--json")
    assert json.loads(ended.err)["error"] == {
        "code": "not_found",
        "message": "unknown symbol JPY=X",
        "hint": "did you mean USDJPY?",
    }


LONG = "x" * 10_000


@pytest.mark.parametrize(
    ("command", "symbol"),
    [("follow", "../../etc/passwd"), ("follow", "A B"), ("follow", "'"), ("follow", '"'), ("follow", "😀"),
     ("follow", LONG), ("follow", ""), ("deactivate", "\x1b[2J"), ("add-asset", "../x"),
     ("add-asset", LONG), ("price", "../x")],
)  # fmt: skip
def test_what_cannot_be_a_symbol_is_2_and_nothing_is_written(tmp_path: Path, command: str, symbol: str) -> None:
    words = () if command in ("add-asset", "price") else ("assets",)
    ended = pricectl(*words, command, "--", symbol, home=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.count("\n") == 1
    assert ended.err.startswith("pricectl: ")
    assert len(ended.err) < 300
    assert os.listdir(tmp_path) == []


def test_list_by_type_followed_and_inactive(tmp_path: Path) -> None:
    rows = "BTC,,,,,,,,,,,yes\nETH,,,,,,,,,,no,yes\n" + MINE
    (tmp_path / "assets.csv").write_text(HEADER + rows)
    listed = list(csv.DictReader(io.StringIO(assets(tmp_path, "list", "-o", "csv").out)))
    assert len(listed) >= 2900
    assert {"JOBY", "BTC", "AAPL"} <= {row["symbol"] for row in listed}
    assert "ETH" not in {row["symbol"] for row in listed}
    followed = json.loads(assets(tmp_path, "list", "--followed", "--json").out)
    assert [one["symbol"] for one in followed["assets"]] == ["BTC", "JOBY"]
    assert (followed["count"], followed["schemaVersion"]) == (2, 1)
    (line,) = assets(tmp_path, "list", "--inactive", "-o", "jsonl").out.splitlines()
    assert json.loads(line)["symbol"] == "ETH"
    fx = assets(tmp_path, "list", "--type", "fx").out.splitlines()
    assert fx[0].split() == ["SYMBOL", "NAME", "TYPE", "CATEGORY", "PROVIDER", "ID", "CURRENCY", "EXCHANGE"]
    assert {line.split()[2] for line in fx[1:]} == {"fx"}
    assert assets(tmp_path, "list", "--type", "bond").code == 2


def test_search_finds_by_name_and_code_and_is_calm_about_nothing(tmp_path: Path) -> None:
    found = json.loads(assets(tmp_path, "search", "CLASS", "berkshire", "--json").out)
    assert [one["symbol"] for one in found["assets"]] == ["BRK.A", "BRK.B"]
    assert found["assets"][1] == BRK_B
    assert assets(tmp_path, "search", "qqzzxx") == (0, "", "nothing found\n")
    assert json.loads(assets(tmp_path, "search", "qqzzxx", "--json").out)["assets"] == []
    typed = json.loads(assets(tmp_path, "search", "gold", "--type", "commodity", "--json").out)
    assert [one["symbol"] for one in typed["assets"]] == ["GC=F", "MGC=F"]


def test_follow_and_unfollow(tmp_path: Path) -> None:
    assert assets(tmp_path, "follow", "btc", "yahoo:BRK-B") == (0, "", "followed btc, yahoo:BRK-B\n")
    assert own(tmp_path) == "BRK.B,,,,,,,,,,,yes\nBTC,,,,,,,,,,,yes\n"
    assert assets(tmp_path, "follow", "BTC") == (0, "", "nothing to follow: BTC\n")
    said = json.loads(assets(tmp_path, "unfollow", "--all", "--dry-run", "--json").out)
    assert (said["action"], said["changed"], said["dryRun"]) == ("unfollow", True, True)
    assert [one["symbol"] for one in said["assets"]] == ["BRK.B", "BTC"]
    assert own(tmp_path) == "BRK.B,,,,,,,,,,,yes\nBTC,,,,,,,,,,,yes\n"
    assert assets(tmp_path, "unfollow", "--type", "crypto") == (0, "", "unfollowed BTC\n")
    assert own(tmp_path) == "BRK.B,,,,,,,,,,,yes\n"


def test_follow_a_whole_type(tmp_path: Path) -> None:
    ended = assets(tmp_path, "follow", "--type", "commodity")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err.startswith("followed 28 assets (BZ=F, CC=F, CL=F, ...)")
    assert own(tmp_path).count(",yes\n") == 28


def test_which_assets_must_be_said_once(tmp_path: Path) -> None:
    for words in (("follow",), ("follow", "BTC", "--all"), ("unfollow", "--type", "fx", "--all"), ("remove",)):
        ended = assets(tmp_path, *words)
        assert (ended.code, ended.out) == (2, "")
        assert ended.err.startswith("pricectl: ")
    assert os.listdir(tmp_path) == []


def test_deactivate_and_activate(tmp_path: Path) -> None:
    assert assets(tmp_path, "deactivate", "TUSD", "USDP") == (0, "", "deactivated TUSD, USDP\n")
    assert own(tmp_path) == "TUSD,,,,,,,,,,no,\nUSDP,,,,,,,,,,no,\n"
    assert assets(tmp_path, "activate", "TUSD", "USDP").err == "activated TUSD, USDP\n"
    assert own(tmp_path) == ""


def test_remove_asks_and_off_a_terminal_needs_yes(tmp_path: Path) -> None:
    (tmp_path / "assets.csv").write_text(HEADER + MINE)
    refused = assets(tmp_path, "remove", "JOBY", stdin="y\n")
    assert (refused.code, refused.out) == (2, "")
    assert "--yes" in refused.err
    assert own(tmp_path) == MINE
    assert assets(tmp_path, "remove", "JOBY", "--dry-run") == (0, "", "would remove JOBY\n")
    assert own(tmp_path) == MINE
    assert assets(tmp_path, "remove", "joby", "--yes") == (0, "", "removed joby\n")
    assert own(tmp_path) == ""
    ended = assets(tmp_path, "remove", "BTC", "--yes")
    assert ended == (2, "", "pricectl: BTC is in the shipped list; `pricectl assets deactivate BTC` hides it\n")


def test_import_adds_all_rows_and_follows_them(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("symbol,name,category,exchange,currency\nJOBY,Joby Aviation,Industrials,NYQ,USD\nBTC,,,,\n")
    would = assets(tmp_path, "import", str(path), "--dry-run")
    assert would == (0, "", "would import JOBY, BTC\n")
    assert os.listdir(tmp_path) == ["mine.csv"]
    assert assets(tmp_path, "import", str(path)) == (0, "", "imported JOBY, BTC\n")
    assert own(tmp_path) == "BTC,,,,,,,,,,,yes\n" + MINE
    assert assets(tmp_path, "import", str(path)) == (0, "", "nothing to import: JOBY, BTC\n")


def test_import_names_every_refused_row_and_adds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("symbol,name,type\nJOBY,Joby,stock\n../x,x,stock\nAAPL,Pear,stock\n")
    ended = assets(tmp_path, "import", str(path))
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.splitlines() == [
        "pricectl: line 3: '../x' is not a symbol",
        "pricectl: line 4: AAPL is taken: name is Apple, not Pear",
        f"pricectl: {path}: 2 rows refused, nothing imported; correct the lines named above",
    ]
    assert os.listdir(tmp_path) == ["mine.csv"]
    lines = assets(tmp_path, "import", str(path), "--json").err.splitlines()
    assert json.loads(lines[0]) == {"line": 3, "symbol": "../x", "reason": "'../x' is not a symbol"}
    assert json.loads(lines[2])["error"]["code"] == "usage"
    path.write_text("symbol,name,type\nAAPL,Pear,stock\n")
    assert assets(tmp_path, "import", str(path), "--replace").code == 0
    assert own(tmp_path) == "AAPL,Pear,,,,,,,,,,yes\n"


def test_a_damaged_list_names_its_line_and_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "assets.csv").write_text(HEADER + "BTC,,bond\n")
    for words in (("list",), ("follow", "ETH")):
        ended = assets(tmp_path, *words)
        assert (ended.code, ended.out) == (2, "")
        assert f"{tmp_path}/assets.csv, line 2: 'bond' is not a type" in ended.err
    assert own(tmp_path) == "BTC,,bond\n"


def test_a_list_that_speaks_of_what_nobody_describes_is_warned_about(tmp_path: Path) -> None:
    (tmp_path / "assets.csv").write_text(HEADER + "GONE9,,,,,,,,,,,yes\n")
    ended = assets(tmp_path, "list", "--followed")
    assert (ended.code, ended.out) == (0, "")
    assert "your list speaks of GONE9" in ended.err


def test_a_read_only_account_lists_and_does_not_change(tmp_path: Path) -> None:
    env = {"PRICECTL_READ_ONLY": "1"}
    assert pricectl("assets", "show", "BTC", home=tmp_path, env=env).code == 0
    for words in (("assets", "follow", "BTC"), ("add-asset", "BTC")):
        ended = pricectl(*words, home=tmp_path, env=env)
        assert (ended.code, ended.out) == (9, "")
        assert "read_only is set" in ended.err
    assert os.listdir(tmp_path) == []


def test_a_home_that_cannot_be_written_is_9(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where a folder belongs")
    ended = assets(tmp_path, "follow", "BTC")
    assert (ended.code, ended.out) == (9, "")
    assert "cannot write" in ended.err
    assert not (tmp_path / "assets.csv").exists()


def test_a_table_fits_the_terminal(tmp_path: Path) -> None:
    code, seen = on_terminal("assets", "search", "berkshire", home=tmp_path, env={"COLUMNS": "80", "NO_COLOR": "1"})
    assert code == 0
    assert seen.splitlines()[2].split()[:2] == ["BRK.B", "Berkshire"]
    assert max(len(line) for line in seen.splitlines()) <= 80
