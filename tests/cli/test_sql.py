"""``pricectl sql`` as a process: formats, limits, refusals, interruptions."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shell import environment, on_terminal, pricectl
from stores import D, add, flat, store

LONG = "SELECT sum(a.n * b.n) FROM range(10000000) AS a(n), range(10000000) AS b(n)"
ODD = (
    "SELECT TIMESTAMPTZ '2024-01-02 03:04:05+00' AS at, DATE '2024-01-02' AS day, 1.50::DECIMAL(5, 2) AS exact, "
    "'nan'::DOUBLE AS nan, '-inf'::DOUBLE AS inf, NULL AS none, [1, 2] AS list, '=1+1' AS text"
)


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    add(store(tmp_path), [flat(D(2024, 1, 2), 10.0), flat(D(2024, 1, 3), 11.5)])
    return tmp_path


def test_a_table_for_people(filled: Path) -> None:
    ended = pricectl("sql", "SELECT symbol, date, close FROM daily ORDER BY date", home=filled)
    assert ended == (0, "symbol  date        close\nAAPL    2024-01-02     10\nAAPL    2024-01-03   11.5\n", "")


def test_json_has_columns_rows_and_no_nan(tmp_path: Path) -> None:
    ended = pricectl("sql", ODD, "--json", home=tmp_path)
    said = json.loads(ended.out, parse_constant=lambda word: pytest.fail(word))
    assert said["rows"] == [
        {
            "at": "2024-01-02T03:04:05Z", "day": "2024-01-02", "exact": 1.5, "nan": None, "inf": None, "none": None,
            "list": [1, 2], "text": "=1+1",
        }
    ]  # fmt: skip
    assert '"exact": 1.50' in ended.out
    assert (said["count"], said["complete"], said["schemaVersion"]) == (1, True, 1)
    assert said["columns"][0] == {"name": "at", "type": "TIMESTAMP WITH TIME ZONE"}


def test_jsonl_and_csv(tmp_path: Path) -> None:
    assert pricectl("sql", "SELECT n FROM range(2) AS r(n)", "-o", "jsonl", home=tmp_path).out == (
        '{"n": 0, "schemaVersion": 1}\n{"n": 1, "schemaVersion": 1}\n'
    )
    assert pricectl("sql", ODD, "-o", "csv", home=tmp_path).out == (
        'at,day,exact,nan,inf,none,list,text\n2024-01-02T03:04:05Z,2024-01-02,1.50,,,,"[1, 2]",\'=1+1\n'
    )
    assert pricectl("sql", "SELECT 1 AS a WHERE false", "-o", "csv", home=tmp_path).out == "a\n"
    assert pricectl("sql", "SELECT 1 AS a WHERE false", home=tmp_path) == (0, "", "no rows\n")


def test_the_limit_is_said(tmp_path: Path) -> None:
    for output in ("csv", "table"):
        ended = pricectl("sql", "SELECT n FROM range(9) AS r(n)", "--limit", "2", "-o", output, home=tmp_path)
        assert (ended.code, ended.out.split()) == (0, ["n", "0", "1"])
        assert ended.err == "pricectl: warning: there are more than 2 rows; --limit shows more\n"
    ended = pricectl("sql", "SELECT n FROM range(9) AS r(n)", "--limit", "9", home=tmp_path)
    assert ended.err == ""


def test_a_statement_from_stdin(tmp_path: Path) -> None:
    assert pricectl("sql", "-", home=tmp_path, stdin="SELECT 1\n  AS one;\n").out == "one\n  1\n"


def test_what_is_refused_is_one_line_and_2(tmp_path: Path) -> None:
    ended = pricectl("sql", f"COPY (SELECT 1) TO '{tmp_path}/out'", home=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "pricectl: only SELECT may be asked, not COPY; one SELECT over the views; "
        "`SHOW TABLES` lists them, `DESCRIBE bars` shows columns\n"
    )
    failed = json.loads(pricectl("sql", "SELECT nope", "--json", home=tmp_path).err)["error"]
    assert (failed["code"], "nope" in failed["message"]) == ("usage", True)
    assert not (tmp_path / "out").exists()


def test_nothing_steers_the_terminal(tmp_path: Path) -> None:
    code, seen = on_terminal("sql", "SELECT chr(27) || '[31m' AS \"a\x1b[2Jb\", 'x\ny' AS c", home=tmp_path)
    assert (code, "\x1b[31m" in seen, "\x1b[2J" in seen, len(seen.splitlines())) == (0, False, False, 2)


def test_time_is_up_with_12(tmp_path: Path) -> None:
    ended = pricectl("sql", LONG, "--timeout", "0.5s", home=tmp_path)
    assert (ended.code, ended.out) == (12, "")
    assert ended.err == "pricectl: the query took longer than 0.5 s; narrow it, or give --timeout\n"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("statement", [LONG, "SELECT length(repeat('x', 300000000) || repeat('y', 300000000))"])
def test_it_ends_at_once_when_told(tmp_path: Path, statement: str, number: signal.Signals, code: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "pricectl", "sql", statement],
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    _wait_until_it_computes(process.pid)
    process.send_signal(number)
    began = time.monotonic()
    out, err = process.communicate(timeout=20)
    # half a second on an idle machine; this one may be busy with other tests
    assert time.monotonic() - began < 5
    assert (process.returncode, out, err.count(b"\n")) == (code, b"", 1)


def _wait_until_it_computes(pid: int) -> None:
    """Until a second thread of the process runs: DuckDB is at work."""
    for _ in range(2000):
        if len(os.listdir(f"/proc/{pid}/task")) > 2 if os.path.isdir("/proc") else True:
            return
        time.sleep(0.01)


def test_a_closed_pipe_ends_quietly(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "pricectl", "sql", "SELECT n FROM range(1000000) AS r(n)", "-o", "jsonl"],
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == b'{"n": 0, "schemaVersion": 1}\n'
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(20) == 0
    process.stderr.close()


def test_it_answers_from_a_home_that_may_only_be_read(filled: Path) -> None:
    ended = pricectl("sql", "SELECT count(*) AS n FROM daily", home=filled, env={"PRICECTL_READ_ONLY": "1"})
    assert ended == (0, "n\n2\n", "")
