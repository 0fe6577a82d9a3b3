"""``pricectl doctor`` as a process: what it finds, what it mends, what it exits with."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from pricectl.model.instant import Clock
from pricectl.state.quarantine import Quarantine
from pricectl.state.runlock import RunLock
from pricectl.state.runs import Runs
from shell import NOBODY, pricectl
from stores import AAPL, NOON_MS, D, add, flat, home, newest_entry, part_files, store


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    tmp_path.chmod(0o700)
    add(store(tmp_path), [flat(D(2024, 1, 2), 10.0), flat(D(2024, 1, 3), 11.5)])
    return tmp_path


def said(path: Path, *options: str, env: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
    ended = pricectl("doctor", "--json", *options, home=path, env={**NOBODY, **(env or {})})
    return ended.code, json.loads(ended.out)


def problems(document: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["check"], one["message"]) for one in document["checks"] if one["level"] == "problem"]


def test_all_is_well(filled: Path) -> None:
    code, document = said(filled)
    assert (code, document["problems"], document["repaired"], document["schemaVersion"]) == (0, 0, [], 1)
    checks = list(dict.fromkeys(one["check"] for one in document["checks"]))
    assert checks == ["software", "environment", "home", "config", "catalogue", "cache", "state", "log", "parts",
                      "latest", "rows", "coverage", "quarantine"]  # fmt: skip


def test_a_home_that_is_not_there_is_no_problem_and_is_not_made(tmp_path: Path) -> None:
    code, _ = said(tmp_path / "none")
    assert (code, (tmp_path / "none").exists()) == (0, False)


def test_a_damaged_part_is_5_named_and_mended_without_a_network(filled: Path) -> None:
    (path,) = part_files(home(filled))
    data = bytearray(Path(path).read_bytes())
    data[100] ^= 1
    Path(path).write_bytes(data)
    code, document = said(filled)
    message = "its bytes are not those that were written (2 rows of AAPL, 2024-01-02 to 2024-01-03)"
    assert (code, problems(document)) == (5, [("parts", message)])
    (found,) = [one for one in document["checks"] if one["level"] == "problem"]
    assert (found["subject"], found["fixable"]) == (path, True)
    assert os.path.exists(path)

    code, document = said(filled, "--fix")
    assert (code, document["problems"], len(document["repaired"])) == (0, 0, 1)
    assert not os.path.exists(path)
    assert (store(filled).coverage(AAPL), store(filled).traded(AAPL, D(2024, 1, 1), D(2024, 1, 9))[1]) == ([], [])
    (run,) = Runs(home(filled)).last(5)
    assert (run.command, run.exit_code, run.message) == ("doctor", 0, "1 repairs")
    assert said(filled)[0] == 0


def test_dry_run_changes_nothing(filled: Path) -> None:
    (path,) = part_files(home(filled))
    os.truncate(path, 10)
    assert said(filled, "--fix", "--dry-run")[0] == 5
    assert os.path.getsize(path) == 10
    assert pricectl("doctor", "--dry-run", home=filled).code == 2


def test_a_damaged_newest_entry_is_set_aside(filled: Path) -> None:
    add(store(filled), [flat(D(2024, 1, 4), 12.0)])
    entry = newest_entry(home(filled))
    entry.write_bytes(entry.read_bytes()[:-20])
    code, document = said(filled)
    assert (code, [check for check, _ in problems(document)]) == (5, ["log"])
    code, document = said(filled, "--fix")
    assert (code, entry.exists()) == (0, False)
    # What the entry listed is lost: its days must not pass for days without a bar.
    assert store(filled).coverage(AAPL) == [(D(2024, 1, 2), D(2024, 1, 3))]


def test_cache_ledger_latest_and_modes_are_mended(filled: Path) -> None:
    from pricectl.model.quote import Quote

    store(filled).put_latest([Quote("binance", "BTCUSDT", "1", "USDT", None, NOON_MS, NOON_MS, NOON_MS)])
    (latest,) = (filled / "store" / "latest").iterdir()
    os.truncate(latest, 20)
    (filled / "cache").mkdir(mode=0o700)
    (filled / "cache" / "cache.db").write_bytes(b"SQLite format 3\0" + b"x" * 4096)
    (filled / "state" / "yahoo.ledger").write_bytes(b"0000 nonsense")
    (filled / "state").chmod(0o777)
    code, document = said(filled)
    assert (code, sorted({check for check, _ in problems(document)})) == (5, ["cache", "home", "latest", "state"])
    code, document = said(filled, "--fix")
    assert (code, problems(document)) == (0, [])
    assert (filled / "state").stat().st_mode & 0o777 == 0o700
    assert not (filled / "cache" / "cache.db").exists()


def test_splits_that_are_lost_stay_lost_without_a_network_and_wrong_prices_do_not_come(tmp_path: Path) -> None:
    from pricectl.model.bar import Action

    tmp_path.chmod(0o700)
    add(store(tmp_path), [flat(D(2024, 1, 2), 10.0)], actions=[Action(D(2024, 1, 3), "split", 4.0)])
    (path,) = part_files(home(tmp_path), "actions")
    os.truncate(path, 10)
    ended = pricectl("doctor", "--fix", "--json", home=tmp_path, env=NOBODY)
    assert (ended.code, os.path.getsize(path)) == (5, 10)
    assert "are not had again" in ended.err
    assert (
        pricectl("history", "AAPL", "--from", "2024-01-02", "--to", "2024-01-02", "--offline", home=tmp_path).code == 9
    )


def test_broken_settings_and_lists_are_found_and_the_rest_is_looked_at(filled: Path) -> None:
    (filled / "config.toml").write_text("nonsense = 1\n")
    (filled / "assets.csv").write_text("symbol,name\nX\n")
    for name in ("config.toml", "assets.csv"):
        (filled / name).chmod(0o600)
    code, document = said(filled)
    assert code == 5
    assert [check for check, _ in problems(document)] == ["config", "catalogue"]
    assert [one["message"] for one in document["checks"] if one["check"] == "parts"] == [
        f"2 parts are what was written, {_size(filled):.1f} MB"
    ]


def _size(path: Path) -> float:
    return sum(os.path.getsize(part) for table in ("bars", "coverage") for part in part_files(home(path), table)) / 1e6


def test_an_orphan_is_a_problem_with_a_way_out(filled: Path) -> None:
    (filled / "assets.csv").write_text("symbol,followed\nNOSUCHTHING,yes\n")
    (filled / "assets.csv").chmod(0o600)
    code, document = said(filled)
    (found,) = [one for one in document["checks"] if one["level"] == "problem"]
    assert (code, found["subject"], found["remedy"]) == (
        5, "NOSUCHTHING", "`pricectl assets remove NOSUCHTHING`, or add it again",
    )  # fmt: skip


def test_proxies_are_shown_without_their_secrets(filled: Path) -> None:
    _, document = said(filled, env={"HTTPS_PROXY": "http://me:secret@proxy:3128", "SSL_CERT_FILE": "/no/such/file"})
    shown = [
        (one["subject"], one["level"], one["message"]) for one in document["checks"] if one["check"] == "environment"
    ]
    assert shown == [
        ("HTTPS_PROXY", "note", "http://***@proxy:3128: requests to providers go by it"),
        ("SSL_CERT_FILE", "note", "/no/such/file: requests to providers go by it"),
        ("SSL_CERT_FILE", "problem", "there is no such file or folder"),
    ]


def test_another_run_is_11_and_a_read_only_home_9(filled: Path) -> None:
    lock = RunLock(home(filled), Clock(), "refresh")
    lock.take(0, lambda _: None)
    ended = pricectl("doctor", "--fix", home=filled)
    assert (ended.code, ended.out, ended.err.count("\n")) == (11, "", 1)
    assert pricectl("doctor", home=filled).code == 0
    lock.free()
    assert pricectl("doctor", "--fix", home=filled, env={"PRICECTL_READ_ONLY": "1"}).code == 9


def test_a_hole_of_many_sessions_is_a_problem_and_asked_for_again(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    kept = store(tmp_path)
    kept.add(
        AAPL, "USD", [flat(D(2024, 1, 2), 1.0), flat(D(2024, 1, 22), 1.0)], [], [(D(2024, 1, 1), D(2024, 1, 31))], 1
    )
    code, document = said(tmp_path)
    # New York: 3 to 19 January 2024 without the 15th, Martin Luther King's day
    message = "12 sessions without a bar: 2024-01-03 to 2024-01-19 were asked for"
    assert (code, problems(document)) == (5, [("coverage", message)])
    assert said(tmp_path, "--fix")[0] == 0
    assert store(tmp_path).coverage(AAPL) == [(D(2024, 1, 1), D(2024, 1, 2)), (D(2024, 1, 20), D(2024, 1, 31))]


def test_formats(filled: Path) -> None:
    table = pricectl("doctor", home=filled).out.splitlines()
    assert table[0].split() == ["CHECK", "LEVEL", "SUBJECT", "MESSAGE", "REMEDY"]
    csv = pricectl("doctor", "-o", "csv", home=filled).out.splitlines()
    assert csv[0] == "check,level,subject,message,remedy,fixable"
    lines = pricectl("doctor", "-o", "jsonl", home=filled).out.splitlines()
    assert len(lines) == len(csv) - 1 == len(table) - 1
    assert json.loads(lines[0])["check"] == "software"


def test_what_is_kept_aside_is_listed_released_and_rejected(filled: Path) -> None:
    Quarantine(home(filled)).append(
        AAPL, "jump", [flat(D(2024, 1, 4), 99.0), flat(D(2024, 1, 5), 1.0)], NOON_MS, [], "USD"
    )
    code, document = said(filled)
    first, second = [one for one in document["checks"] if one["check"] == "quarantine"]
    assert (code, first["message"]) == (0, "yahoo:AAPL 2024-01-04 (jump): 99/99/99/99")
    name = first["subject"].partition(":")[0]
    ids = ["--release", f"{name}:2024-01-04", "--reject", second["subject"]]
    ended = pricectl("doctor", *ids, "-o", "csv", home=filled)
    assert ended.code == 0
    assert ended.out.splitlines() == [
        "id,series,date,why,decision",
        f"{name},yahoo:AAPL,2024-01-04,jump,released",
        f"{name},yahoo:AAPL,2024-01-05,jump,rejected",
    ]
    assert store(filled).traded(AAPL, D(2024, 1, 4), D(2024, 1, 9))[1] == [flat(D(2024, 1, 4), 99.0)]
    assert "nothing waits" in str(said(filled)[1])
    assert pricectl("doctor", "--release", "nosuch", home=filled).code == 4
