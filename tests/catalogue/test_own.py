"""The user's own list as a file: read, refused, written."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pricectl.catalogue import own
from pricectl.catalogue.own import Row
from pricectl.config import Settings, load
from pricectl.errors import ConfigError, Unwritable
from pricectl.home import Home

HEADER = "symbol,name,type,category,code,provider,provider_id,currency,exchange,fallbacks,active,followed\n"


def settings(home: Path, **env: str) -> Settings:
    return load(Home(str(home)), env)


def test_no_file_is_an_empty_list(tmp_path: Path) -> None:
    assert own.load(Home(str(tmp_path))) == {}


def test_a_list_is_read_and_written_back_the_same() -> None:
    text = (
        HEADER
        + "BTC,,,,,,,,,,,yes\n"
        + "ETH,,,,,,,,,,no,no\n"
        + 'JOBY,"Joby, Aviation",stock,Industrials,JOBY,yahoo,JOBY,USD,NYQ,,,yes\n'
    )
    rows = own.parse(text, "assets.csv")
    joby = {"name": "Joby, Aviation", "type": "stock", "category": "Industrials", "code": "JOBY"}
    joby |= {"provider": "yahoo", "provider_id": "JOBY", "currency": "USD", "exchange": "NYQ"}
    assert rows == {"BTC": Row({}, None, True), "ETH": Row({}, False, False), "JOBY": Row(joby, None, True)}
    assert own.render(rows) == text


def test_a_list_made_by_hand_or_by_a_spreadsheet_is_read() -> None:
    text = "Followed,Symbol,Name\r\nYES, joby ,Joby\r\n,,\r\n\r\nno,btc\r\n"
    assert own.parse(text, "x") == {"JOBY": Row({"name": "Joby"}, None, True), "BTC": Row({}, None, False)}


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "assets.csv").write_bytes(b"\xef\xbb\xbfsymbol,followed\nBTC,yes\n")
    assert own.load(Home(str(tmp_path))) == {"BTC": Row({}, None, True)}


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("symbol,naem\n", 1, "unknown column 'naem'"),
        ("name\n", 1, "columns"),
        ("symbol,symbol\n", 1, "columns"),
        (HEADER + "../x\n", 2, "is not a symbol"),
        (HEADER + "A B\n", 2, "is not a symbol"),
        (HEADER + "BTC\nBTC\n", 3, "BTC stands there twice"),
        (HEADER + "\n\nBTC,,,,,,,,,,,,x\n", 4, "13 cells under 12 columns"),
        (HEADER + "BTC,,bond\n", 2, "'bond' is not a type"),
        (HEADER + "BTC,,,,,stooq\n", 2, "'stooq' is not a provider"),
        (HEADER + "BTC,,,,,,,,,XBTUSD\n", 2, "'XBTUSD' does not say whose it is"),
        (HEADER + "BTC,,,,,,,,,stooq:BTC\n", 2, "'stooq' is not a provider"),
        (HEADER + "BTC,,,,,,../x\n", 2, "is not a symbol"),
        (HEADER + "BTC,,,,,,,,,,maybe\n", 2, "active is yes, no or blank"),
        (HEADER + "BTC,a\x1bb\n", 2, "unprintable"),
        (HEADER + "ETH\nBTC,a\u2028b\n", 3, "unprintable"),
        (HEADER + "BTC\0\n", 2, "is not a symbol"),
        (HEADER + 'BTC,"never closed\n', 2, "unexpected end"),
        (HEADER + 'BTC,"a"b\n', 2, "expected after"),
    ],
)
def test_a_damaged_list_names_the_line(text: str, line: int, what: str) -> None:
    with pytest.raises(ConfigError, match=what) as caught:
        own.parse(text, "/h/assets.csv")
    assert str(caught.value).startswith(f"/h/assets.csv, line {line}: ")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("content", [b"symbol\n\xff\xfe\n", b"\x00\x01"])
def test_a_list_that_is_no_text_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "assets.csv").write_bytes(content)
    with pytest.raises(ConfigError, match=r"assets\.csv"):
        own.load(Home(str(tmp_path)))


def test_a_folder_in_its_place_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "assets.csv").mkdir()
    with pytest.raises(ConfigError, match=r"assets\.csv"):
        own.load(Home(str(tmp_path)))


def follow(rows: own.Rows) -> None:
    rows["BTC"] = Row({}, None, True)


def test_a_change_makes_the_home_and_is_for_the_owner_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    own.change(settings(home), follow)
    assert (home / "assets.csv").read_text() == HEADER + "BTC,,,,,,,,,,,yes\n"
    assert (home / "assets.csv").stat().st_mode & 0o777 == 0o600
    assert home.stat().st_mode & 0o777 == 0o700
    assert sorted(os.listdir(home)) == ["assets.csv", "cache", "state", "store"]


def test_the_group_may_read_the_list_where_the_home_is_open_to_it(tmp_path: Path) -> None:
    import grp

    home = tmp_path / "home"
    group = grp.getgrgid(os.getegid()).gr_name
    before = os.umask(0o077)
    try:
        own.change(settings(home, PRICECTL_HOME_GROUP=group), follow)
    finally:
        os.umask(before)
    assert (home / "assets.csv").stat().st_mode & 0o777 == 0o640


def test_a_dry_run_changes_nothing_on_disk(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert own.change(settings(home), follow, dry_run=True) == {"BTC": Row({}, None, True)}
    assert not home.exists()


def test_a_list_that_does_not_change_is_not_written_again(tmp_path: Path) -> None:
    own.change(settings(tmp_path), follow)
    before = (tmp_path / "assets.csv").stat()
    own.change(settings(tmp_path), follow)
    after = (tmp_path / "assets.csv").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_link_to_a_list_kept_elsewhere_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "mine.csv").write_text(HEADER)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "assets.csv").symlink_to(tmp_path / "kept" / "mine.csv")
    own.change(settings(tmp_path / "home"), follow)
    assert (tmp_path / "home" / "assets.csv").is_symlink()
    assert (tmp_path / "kept" / "mine.csv").read_text() == HEADER + "BTC,,,,,,,,,,,yes\n"


def test_a_list_that_cannot_be_opened_says_why_in_words(tmp_path: Path) -> None:
    (tmp_path / "assets.csv").mkdir()
    with pytest.raises(ConfigError, match=r"^cannot read .*/assets\.csv: Is a directory$"):
        own.load(Home(str(tmp_path)))


def test_an_account_that_may_only_read_changes_nothing(tmp_path: Path) -> None:
    with pytest.raises(Unwritable) as caught:
        own.change(settings(tmp_path / "home", PRICECTL_READ_ONLY="1"), follow)
    assert caught.value.exit_code == 9
    assert not (tmp_path / "home").exists()


def test_a_home_that_cannot_be_made_is_unwritable(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where a folder belongs")
    with pytest.raises(Unwritable, match="File exists"):
        own.change(settings(tmp_path), follow)
    assert not (tmp_path / "assets.csv").exists()


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_disk_that_fails_leaves_the_old_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, number: int
) -> None:
    (tmp_path / "assets.csv").write_text(HEADER + "ETH,,,,,,,,,,,yes\n")

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(os, step, fail)
        with pytest.raises(Unwritable, match=os.strerror(number)) as caught:
            own.change(settings(tmp_path), follow)
    assert caught.value.exit_code == 9
    assert (tmp_path / "assets.csv").read_text() == HEADER + "ETH,,,,,,,,,,,yes\n"
    assert ".assets.csv.new" not in os.listdir(tmp_path)


def test_the_list_is_on_disk_before_it_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    really = {name: getattr(os, name) for name in ("fsync", "replace")}
    for name, call in really.items():

        def step(*given: object, name: str = name, call: object = call) -> None:
            steps.append(name)
            call(*given)  # type: ignore[operator]

        monkeypatch.setattr(os, name, step)
    own.change(settings(tmp_path), follow)
    assert steps == ["fsync", "replace", "fsync"]


def test_a_writer_that_died_in_the_middle_is_no_harm(tmp_path: Path) -> None:
    own.change(settings(tmp_path), follow)
    script = (
        "import os, sys\n"
        "from pricectl.catalogue import own\n"
        "from pricectl.config import load\n"
        "from pricectl.home import Home\n"
        "os.replace = lambda *_: os._exit(9)\n"
        "own.change(load(Home(sys.argv[1]), {}), lambda rows: rows.clear())\n"
    )
    died = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert died.returncode == 9
    assert ".assets.csv.new" in os.listdir(tmp_path)
    assert own.load(Home(str(tmp_path))) == {"BTC": Row({}, None, True)}
    own.change(settings(tmp_path), lambda rows: rows.update(ETH=Row({}, None, True)))
    assert (tmp_path / "assets.csv").read_text() == HEADER + "BTC,,,,,,,,,,,yes\nETH,,,,,,,,,,,yes\n"
    assert ".assets.csv.new" not in os.listdir(tmp_path)


def test_writers_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from pricectl.catalogue import Catalogue, described\n"
        "from pricectl.config import load\n"
        "from pricectl.home import Home\n"
        "catalogue = Catalogue.load(load(Home(sys.argv[1]), {}))\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "for n in range(20):\n"
        "    catalogue.add(described({'symbol': f'{sys.argv[2]}{n}'}, None))\n"
    )
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path), letter], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for letter in ("QQA", "QQB", "QQC")
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write(b"go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate(timeout=60)
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    wanted = {f"{letter}{n}" for letter in ("QQA", "QQB", "QQC") for n in range(20)}
    assert set(own.load(Home(str(tmp_path)))) == wanted
