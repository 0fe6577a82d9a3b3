"""The monitors' question, answered from the run log alone."""

from pathlib import Path

import pytest

from pricectl.engine.pulse import newest, pulse
from pricectl.home import Home
from pricectl.state.runs import Run, Runs

NOW = 1_795_521_600_000  # 2026-11-24T12:00:00Z
GOOD = Run("a", "refresh", NOW - 35_000, NOW - 30_000, 0, 5, 5, oldest_ms=NOW - 58_000)


def log(home: Path, *runs: Run) -> Home:
    for run in runs:
        Runs(Home(str(home))).append(run)
    return Home(str(home))


def why(home: Home, max_age_s: float = 180.0) -> str:
    wrong = pulse(home, NOW, max_age_s).wrong
    if wrong is None:
        return ""
    assert wrong.exit_code == 6
    assert wrong.hint
    return str(wrong)


def test_a_refresh_that_just_succeeded(tmp_path: Path):
    found = pulse(log(tmp_path, GOOD), NOW, 180.0)
    assert found == (NOW - 30_000, 30.0, NOW - 58_000, 58.0, None)


def test_no_market_open_is_all_well(tmp_path: Path):
    assert why(log(tmp_path, GOOD._replace(oldest_ms=0))) == ""


def test_nothing_has_ever_run(tmp_path: Path):
    assert why(Home(str(tmp_path))) == "no refresh has run"
    aggregate = GOOD._replace(command="aggregate")
    assert why(log(tmp_path, aggregate)) == "no refresh has run"


@pytest.mark.parametrize(("age_s", "fresh"), [(179.9, True), (180.0, True), (180.1, False), (3600.0, False)])
def test_the_age_of_the_last_success_counts(tmp_path: Path, age_s: float, fresh: bool):
    ended = NOW - round(age_s * 1000)
    assert (why(log(tmp_path, GOOD._replace(finished_ms=ended, oldest_ms=0))) == "") is fresh


def test_the_age_is_said(tmp_path: Path):
    home = log(tmp_path, GOOD._replace(finished_ms=NOW - 600_000))
    assert why(home) == "the last refresh that succeeded ended 10 min ago (allowed: 3 min)"
    assert why(home, 3600.0) == ""


def test_a_failure_within_the_age_of_a_success_is_no_alarm(tmp_path: Path):
    assert why(log(tmp_path, GOOD, GOOD._replace(exit_code=8, finished_ms=NOW - 5_000))) == ""


def test_failing_runs_raise_the_alarm_and_are_quoted(tmp_path: Path):
    bad = GOOD._replace(exit_code=3, finished_ms=NOW - 5_000, message="yahoo answered 503")
    home = log(tmp_path, GOOD._replace(finished_ms=NOW - 300_000), bad)
    assert why(home) == (
        "the last refresh that succeeded ended 5 min ago (allowed: 3 min); "
        "the last one ended with exit code 3 (yahoo answered 503)"
    )


def test_no_success_for_a_day(tmp_path: Path):
    assert why(log(tmp_path, *[GOOD._replace(exit_code=12)] * 40)) == (
        "no refresh has succeeded for a day; the last one ended with exit code 12"
    )


def test_a_price_that_the_run_left_too_old_raises_the_alarm(tmp_path: Path):
    home = log(tmp_path, GOOD._replace(oldest_ms=NOW - 200_000))
    assert why(home) == "the oldest price of an open market is 4 min old (allowed: 3 min)"
    assert why(home, 300.0) == ""


def test_a_clock_that_was_set_back(tmp_path: Path):
    assert why(log(tmp_path, GOOD._replace(finished_ms=NOW + 4_000))) == ""
    home = log(tmp_path / "b", GOOD._replace(finished_ms=NOW + 60_000))
    assert why(home) == "the last refresh is dated in the future"


def test_a_damaged_log_costs_only_its_lines(tmp_path: Path):
    home = log(tmp_path, GOOD)
    path = tmp_path / "state" / "runs.jsonl"
    path.write_bytes(path.read_bytes() + b"\xff\x00garbage\n{}\n")
    assert why(home) == ""
    path.write_bytes(b"garbage\n")
    assert why(home) == "no refresh has run; the run log holds damaged lines (1)"


def test_a_success_behind_many_failures_is_found(tmp_path: Path):
    home = log(tmp_path, GOOD, *[GOOD._replace(exit_code=8)] * 100)
    last, good = newest(Runs(home))
    assert (last and last.exit_code, good) == (8, GOOD._replace(requests={}, errors=[]))
