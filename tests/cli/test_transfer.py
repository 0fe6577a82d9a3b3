"""``pricectl import`` and ``pricectl export`` as real processes."""

import errno
import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shell import Ended, environment, into, on_terminal, pricectl

CSV = """\
Date,Open,High,Low,Close,Volume
2020-08-28,504.05,505.77,498.31,499.23,46907500
2020-08-31,127.58,131,126,129.04,225702700
"""
EXPORTED = """\
symbol,provider,provider_id,currency,date,interval,open,high,low,close,volume,adjusted
AAPL,yahoo,AAPL,USD,2020-08-28,1d,504.05,505.77,498.31,499.23,46907500.0,none
AAPL,yahoo,AAPL,USD,2020-08-31,1d,127.58,131.0,126.0,129.04,225702700.0,none
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    (tmp_path / "aapl.csv").write_text(CSV)
    return folder


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the two bars, for ``filled`` to copy: a process each would take as long as the tests."""
    home = tmp_path_factory.mktemp("imported") / "home"
    home.mkdir()
    (home.parent / "aapl.csv").write_text(CSV)
    assert take(home, "aapl.csv", "--symbol", "AAPL", "--prices", "traded").code == 0
    return home


@pytest.fixture
def filled(home: Path, imported: Path) -> Path:
    shutil.copytree(imported, home, dirs_exist_ok=True)
    return home


def take(home: Path, name: str, *arguments: str, stdin: str = "") -> Ended:
    return pricectl("import", name if name == "-" else str(home.parent / name), *arguments, home=home, stdin=stdin)


def give(home: Path, *arguments: str) -> Ended:
    return pricectl("export", *arguments, home=home)


def files(home: Path) -> list[str]:
    return sorted(os.listdir(home.parent))


def test_an_import_says_what_it_stored(home: Path):
    ended = take(home, "aapl.csv", "--symbol", "AAPL", "--prices", "traded")
    assert ended.out == (
        "SYMBOL  CURRENCY  FROM        TO          ADDED  REPLACED  OVER  SAME\n"
        "AAPL    USD       2020-08-28  2020-08-31      2         0     0     0\n"
    )
    assert (ended.code, ended.err) == (0, "imported 2 bars of 1 asset\n")


def test_an_import_for_a_script(home: Path):
    ended = take(home, "-", "--symbol", "AAPL", "--prices", "traded", "--json", stdin=CSV)
    said = json.loads(ended.out)
    assert said["assets"] == [
        {
            "symbol": "AAPL", "currency": "USD", "from": "2020-08-28", "to": "2020-08-31",
            "added": 2, "replaced": 0, "over": 0, "same": 0,
        }
    ]  # fmt: skip
    assert (said["file"], said["count"], said["added"], said["dryRun"], said["schemaVersion"]) == ("-", 2, 2, False, 1)
    assert (ended.code, ended.err) == (0, "")


def test_a_dry_run_checks_and_stores_nothing(home: Path):
    ended = take(home, "aapl.csv", "--symbol", "AAPL", "--prices", "traded", "--dry-run")
    assert (ended.code, ended.err) == (0, "would import 2 bars of 1 asset\n")
    assert os.listdir(home) == []


def test_every_refused_row_is_named_and_nothing_is_stored(home: Path):
    (home.parent / "bad.csv").write_text(CSV + "01/09/2020,1,2,1,2,\n2020-09-02,1,2,1,x,\n")
    ended = take(home, "bad.csv", "--symbol", "AAPL", "--prices", "traded")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.splitlines() == [
        "pricectl: line 4: '01/09/2020' may begin with the day or the month: write YYYY-MM-DD, or say --dates dmy|mdy",
        "pricectl: line 5: close 'x' is not a number",
        f"pricectl: {home.parent}/bad.csv: 2 lines refused, nothing imported; correct what is named above",
    ]
    assert os.listdir(home) == []


def test_refused_rows_for_a_script(home: Path):
    pq.write_table(
        pa.table({"symbol": ["NOPE", None], "date": ["2020-09-02", "x"], "close": [1.0, 2.0]}), home / "x.parquet"
    )
    ended = take(home, "home/x.parquet", "--json")
    first, second, last = map(json.loads, ended.err.splitlines())
    assert first == {"row": 1, "symbol": "NOPE", "reason": first["reason"]}
    assert second == {"row": 2, "symbol": None, "reason": "no symbol"}
    assert last["error"]["code"] == "usage"
    assert (ended.code, ended.out) == (2, "")


def test_a_doubtful_row_is_stored_and_said(home: Path):
    ended = take(home, "-", "--symbol", "BTC", stdin="date,open,high,low,close\n2024-01-02,1,2,0.5,3\n")
    assert ended.code == 0
    assert (
        "warning: line 2: BTC 2024-01-02: open 1 or close 3 lies outside low 0.5 to high 2; taken as it says"
        in ended.err
    )


def test_an_import_while_another_run_writes_is_11(home: Path):
    (home / "store").mkdir()
    with open(home / "store" / "write.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        script = (
            "import sys; from pricectl import store; from pricectl.cli import main;"
            "store.Store.__init__.__kwdefaults__['wait_s'] = 0.1; sys.exit(main())"
        )
        ended = pricectl(
            "import", str(home.parent / "aapl.csv"), "--symbol", "AAPL", "--prices", "traded",
            home=home, program=("-c", script),
        )  # fmt: skip
    assert (ended.code, ended.out) == (11, "")
    assert ended.err == "pricectl: another run has been writing the store for 0.1 s; try again when it has ended\n"


def test_an_import_that_cannot_be_stored_is_9(home: Path):
    (home / "store").write_text("a file where the folder should be")
    ended = take(home, "aapl.csv", "--symbol", "AAPL", "--prices", "traded")
    assert (ended.code, ended.out) == (9, "")


def test_an_import_by_a_read_only_account_is_9(home: Path):
    ended = pricectl(
        "import", str(home.parent / "aapl.csv"), "--symbol", "AAPL", "--prices", "traded",
        home=home, env={"PRICECTL_READ_ONLY": "1"},
    )  # fmt: skip
    assert ended.code == 9
    assert os.listdir(home) == []


def test_an_import_is_in_the_run_log(filled: Path):
    run = json.loads((filled / "state" / "runs.jsonl").read_text())
    assert (run["command"], run["exit_code"], run["assets"], run["bars_added"]) == ("import", 0, 1, 2)


# Export


def test_an_export_to_a_pipe(filled: Path):
    ended = give(filled, "AAPL", "--adjust", "none")
    assert (ended.code, ended.out) == (0, EXPORTED)
    assert ended.err == "wrote 2 bars of 1 asset to standard output\n"


def test_an_exported_csv_is_imported_exactly(filled: Path):
    numbers = (
        "date,close,volume\n2024-01-02,0.1000000000000000055,1e15\n2024-01-03,30000000.123456789,\n2024-01-04,5e-7,1\n"
    )
    assert take(filled, "-", "--symbol", "BTC", stdin=numbers).code == 0
    text = give(filled, "--all", "--adjust", "none").out
    assert "0.1,0.1,0.1,0.1,1000000000000000.0,none" in text
    assert "30000000.123456787,,none" in text
    assert "5e-07,1.0,none" in text
    other = filled.parent / "other"
    other.mkdir()
    assert take(other, "-", stdin=text).code == 0
    assert give(other, "--all", "--adjust", "none").out == text


@pytest.mark.parametrize("name", ["x.parquet", "x.arrow", "x.csv"])
def test_an_exported_file_is_imported_exactly(filled: Path, name):
    path = str(filled.parent / name)
    assert give(filled, "AAPL", "--into", path, "--adjust", "none").code == 0
    other = filled.parent / "other"
    other.mkdir()
    assert take(other, name).code == 0
    assert give(other, "AAPL", "--adjust", "none").out == EXPORTED


def test_the_format_is_the_ending_or_what_is_said(filled: Path):
    path = str(filled.parent / "x.txt")
    ended = give(filled, "AAPL", "--into", path)
    assert (ended.code, "say --format" in ended.err) == (2, True)
    assert give(filled, "AAPL", "--into", path, "--format", "csv", "--adjust", "none").code == 0
    assert Path(path).read_text() == EXPORTED
    assert give(filled, "AAPL", "--into", str(filled.parent / "x.JSONL")).code == 0
    assert json.loads((filled.parent / "x.JSONL").read_text().splitlines()[0])["close"] == 499.23


def test_json_on_stdout_is_one_document_and_jsonl_a_line_a_bar(filled: Path):
    said = json.loads(give(filled, "AAPL", "--json", "--from", "2020-08-31").out)
    assert said["bars"] == [
        {
            "symbol": "AAPL", "provider": "yahoo", "provider_id": "AAPL", "currency": "USD", "date": "2020-08-31",
            "interval": "1d", "open": 127.58, "high": 131.0, "low": 126.0, "close": 129.04, "volume": 225702700.0,
            "adjusted": "split",
        }
    ]  # fmt: skip
    assert (said["count"], said["schemaVersion"]) == (1, 1)
    lines = give(filled, "AAPL", "-o", "jsonl").out.splitlines()
    assert [json.loads(line)["close"] for line in lines] == [499.23, 129.04]


def test_parquet_streams_to_a_pipe(filled: Path):
    command = [sys.executable, "-m", "pricectl", "export", "AAPL", "--format", "parquet"]
    done = subprocess.run(command, env=environment(filled), capture_output=True, timeout=60, check=True)
    assert pq.read_table(pa.BufferReader(done.stdout))["close"].to_pylist() == [499.23, 129.04]


def test_parquet_is_not_put_on_a_terminal(filled: Path):
    code, seen = on_terminal("export", "AAPL", "--format", "parquet", home=filled)
    assert (code, "is not for a terminal" in seen) == (2, True)


@pytest.mark.parametrize("format_", ["csv", "parquet", "arrow"])
def test_a_pipe_that_closes_ends_it_quietly(filled: Path, format_):
    out, write = os.pipe()
    os.close(out)
    code, said = into(write, "export", "AAPL", "--format", format_, "-q", home=filled)
    os.close(write)
    assert (code, said) == (0, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no full device here")
@pytest.mark.parametrize("format_", ["csv", "parquet"])
def test_a_full_disk_is_said(filled: Path, format_):
    with open("/dev/full", "wb", buffering=0) as full:
        code, said = into(full, "export", "AAPL", "--format", format_, "-q", home=filled)
    assert code == 1
    assert os.strerror(errno.ENOSPC) in said


def test_a_file_that_is_there_is_replaced_only_with_yes(filled: Path):
    path = filled.parent / "x.csv"
    path.write_text("mine")
    ended = give(filled, "AAPL", "--into", str(path), "--adjust", "none")
    assert (ended.code, path.read_text()) == (2, "mine")
    assert give(filled, "AAPL", "--into", str(path), "--adjust", "none", "--yes").code == 0
    assert path.read_text() == EXPORTED


def test_a_summary_for_a_script_where_the_bars_go_to_a_file(filled: Path):
    ended = give(filled, "AAPL", "--into", str(filled.parent / "x.csv"), "--json")
    assert json.loads(ended.out) == {
        "file": str(filled.parent / "x.csv"), "format": "csv", "assets": 1, "bars": 2, "interval": "1d",
        "adjusted": "split", "dryRun": False, "schemaVersion": 1,
    }  # fmt: skip


def test_a_dry_run_writes_nothing(filled: Path):
    before = files(filled)
    ended = give(filled, "AAPL", "--into", str(filled.parent / "x.csv"), "--dry-run")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == f"would write 2 bars of 1 asset to {filled.parent}/x.csv\n"
    assert files(filled) == before


def test_a_folder_by_keys(filled: Path):
    folder = filled.parent / "bars"
    assert give(filled, "AAPL", "--into", str(folder), "--partition-by", "symbol,year").code == 0
    assert [str(path.relative_to(folder)) for path in folder.rglob("*.parquet")] == [
        "symbol=AAPL/year=2020/part-0.parquet"
    ]
    again = give(filled, "AAPL", "--into", str(folder), "--partition-by", "year")
    assert (again.code, "not an empty folder" in again.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "which assets?"),
        (("AAPL", "--all"), "which assets?"),
        (("--type", "house"), "no type of asset"),
        (("AAPL", "--partition-by", "year"), "name the folder with --into"),
        (("AAPL", "--partition-by", "close", "--into", "x"), "any of symbol,"),
        (("AAPL", "--into", "/"), "say --format"),
        (("AAPL", "--into", "/", "--format", "csv"), "is a folder"),
        (("AAPL", "--into", "/dev/null", "--format", "csv"), "is no plain file"),
        (("AAPL", "--into", "/none/there/x.csv"), "cannot write /none/there/x.csv: No such file or directory"),
        (("AAPL", "--format", "csv", "--json"), "exclude each other"),
        (("AAPL", "--range", "1y", "--from", "2024-01-01"), "exclude each other"),
        (("../x",), "is not a symbol"),
    ],
)
def test_what_cannot_be_meant_is_refused(filled: Path, arguments, why):
    ended = give(filled, *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert why in ended.err


def test_nothing_stored_is_6_some_of_it_3_and_of_everything_0(filled: Path):
    before = files(filled)
    ended = give(filled, "MSFT", "--into", str(filled.parent / "x.csv"))
    assert (ended.code, files(filled)) == (6, before)
    ended = give(filled, "MSFT", "AAPL", "--adjust", "none")
    assert (ended.code, ended.out) == (3, EXPORTED)
    assert "nothing is stored of MSFT" in ended.err
    assert give(filled, "--type", "crypto").code == 0
    assert give(filled, "NOPE9").code == 4


def test_an_interval_of_the_persons_choice(filled: Path):
    ended = give(filled, "AAPL", "--interval", "1mo", "--adjust", "none")
    assert ended.out.splitlines()[1:] == [
        "AAPL,yahoo,AAPL,USD,2020-08-01,1mo,504.05,505.77,126.0,129.04,272610200.0,none"
    ]
