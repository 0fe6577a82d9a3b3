"""``pricectl status``, as real processes over a home that a refresh has filled."""

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pricectl.simulator import Simulator
from shell import environment, pricectl


@pytest.fixture(scope="module")
def market() -> Iterator[Simulator]:
    with Simulator(seed=5) as running:
        yield running


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, market: Simulator) -> Path:
    """Three followed, of which one is unknown to its provider; one refresh."""
    made = tmp_path_factory.mktemp("home")
    rows = "BTC,,,,yes\nOCDO.L,,,,yes\nZZNONE,stock,yahoo,ZZNONE,yes\n"
    (made / "assets.csv").write_text("symbol,type,provider,provider_id,followed\n" + rows)
    assert pricectl("refresh", home=made, env=market.env).code == 3
    return made


def shown(home: Path, *words: str) -> dict[str, object]:
    ended = pricectl("status", *words, "--json", home=home)
    assert (ended.code, ended.err) == (0, "")
    said: dict[str, object] = json.loads(ended.out)
    assert said["schemaVersion"] == 1
    return said


def test_json_tells_it_all(home: Path, market: Simulator) -> None:
    sent = len(market.journal)
    said = shown(home)
    assert len(market.journal) == sent
    assert list(said) == [
        "asOf", "home", "runs", "lastSuccessAt", "assets", "oldestPrice", "oldestStalePrice", "lookups", "providers",
        "store", "tiers", "coverage", "failing", "troubles", "schemaVersion",
    ]  # fmt: skip
    (run,) = said["runs"]  # type: ignore[misc]
    assert (run["command"], run["exitCode"], run["assets"]) == ("refresh", 3, 3)  # type: ignore[index]
    assert run["quotes"] == {"ok": 2, "failed": 1, "skipped": 0}  # type: ignore[index]
    assert said["lastSuccessAt"] is None
    assets = said["assets"]
    assert isinstance(assets, dict)
    assert (assets["followed"], assets["missing"], assets["failing"]) == (3, 1, 1)
    assert assets["fresh"] + assets["stale"] == 2
    assert [one["symbol"] for one in said["failing"]] == ["ZZNONE"]  # type: ignore[attr-defined]
    assert {one["provider"] for one in said["providers"]} >= {"binance", "yahoo"}  # type: ignore[attr-defined]
    daily = said["tiers"][0]  # type: ignore[index]
    assert daily["tier"] == "daily"
    assert daily["rows"] > 20
    assert said["coverage"] == {"complete": 2, "behind": 0, "none": 1}
    assert said["troubles"] == []


def test_a_page_for_a_person(home: Path) -> None:
    ended = pricectl("status", home=home)
    assert (ended.code, ended.err) == (0, "")
    for words in (
        "3 followed: ", "1 without a price; 1 known to fail", "2 assets complete, 0 behind, 1 without", "ENDED",
        "PROVIDER", "STORE", "daily", "FAILING", "ZZNONE",
    ):  # fmt: skip
        assert words in ended.out


def test_figures_one_a_line(home: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(pricectl("status", "-o", "csv", home=home).out)))
    assert {"name": "followed_assets", "label": "price=missing", "value": "1"} in rows
    lines = [json.loads(line) for line in pricectl("status", "-o", "jsonl", home=home).out.splitlines()]
    assert {"name": "last_run_exit_code", "label": None, "value": 3, "schemaVersion": 1} in lines
    assert len(lines) == len(rows)


def test_no_runs_are_shown_where_none_are_wanted(home: Path) -> None:
    assert shown(home, "--runs", "0")["runs"] == []
    assert pricectl("status", "--runs", "-1", home=home).code == 2


def test_limits(home: Path) -> None:
    said = shown(home, "--limits")
    limits = {one["provider"]: one for one in said["limits"]}  # type: ignore[attr-defined]
    assert limits["yahoo"]["requestsPerMinute"] >= 2
    assert (limits["yahoo"]["burst"], limits["yahoo"]["ratePerSecond"]) == (30, 2.0)
    assert limits["binance"]["weightPerMinute"] == 6000
    assert (limits["binance"]["breaker"], limits["binance"]["pauseSeconds"]) == ("closed", 0.0)
    table = pricectl("status", "--limits", home=home).out.splitlines()
    assert table[0].split() == [
        "PROVIDER", "LAST", "MINUTE", "AT", "ONCE", "OF", "A", "SECOND", "WEIGHT", "USED", "OF", "BREAKER", "PAUSE",
        "S", "REASON",
    ]  # fmt: skip
    header, *rows = pricectl("status", "--limits", "-o", "csv", home=home).out.splitlines()
    assert header.startswith("provider,requestsPerMinute,available,burst,")
    assert len(rows) == len(limits)


def test_the_check_fails_with_6_in_every_format(home: Path) -> None:
    table = pricectl("status", "--check", "--max-age", "3m", home=home)
    assert (table.code, table.out, table.err.count("\n")) == (6, "", 1)
    assert table.err.startswith("pricectl: no refresh has succeeded for a day; the last one ended with exit code 3 (")
    record = pricectl("status", "--check", "--json", home=home)
    assert record.code == 6
    said = json.loads(record.out)
    assert (said["fresh"], said["maxAgeSeconds"], said["lastSuccessAt"]) == (False, 180.0, None)
    assert json.loads(record.err)["error"]["code"] == "not_fresh"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--check", "--limits"), "--limits and --check exclude each other"),
        (("--check", "--max-age", "soon"), "--max-age: 'soon' is not a duration"),
        (("--wrong",), "no such option: --wrong"),
    ],
)
def test_what_is_refused(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    ended = pricectl("status", *words, home=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


def test_the_check_works_with_broken_settings_and_makes_nothing(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("nonsense = 1")
    assert pricectl("status", "--check", home=tmp_path).code == 6
    assert os.listdir(tmp_path) == ["config.toml"]
    assert pricectl("status", home=tmp_path).code == 2


def test_damage_is_a_line_each_and_the_rest_is_shown(home: Path, tmp_path: Path) -> None:
    (tmp_path / "assets.csv").write_text((home / "assets.csv").read_text())
    (tmp_path / "state").mkdir()
    (tmp_path / "cache").mkdir()
    whole = (home / "state" / "runs.jsonl").read_bytes()
    (tmp_path / "state" / "runs.jsonl").write_bytes(whole + b"\x00\xff garbage\n")
    (tmp_path / "state" / "binance.ledger").write_bytes(b"\x00" * 64)
    (tmp_path / "state" / "failing.json").write_bytes(b"{")
    (tmp_path / "cache" / "cache.db").write_bytes(b"this is no database" * 100)
    ended = pricectl("status", home=tmp_path)
    assert ended.code == 0
    assert sorted(line.split(" cannot be read")[0] for line in ended.err.splitlines()) == [
        "pricectl: warning: the hot cache",
        f"pricectl: warning: the ledger of binance in {tmp_path}/state",
        f"pricectl: warning: the run log {tmp_path}/state/runs.jsonl holds damaged lines (1), which are passed over",
    ]
    assert "3 followed: 0 fresh, 0 stale, 3 without a price" in ended.out
    assert "refresh" in ended.out
    assert len(json.loads(pricectl("status", "--json", "-q", home=tmp_path).out)["troubles"]) == 2


def test_a_home_that_may_only_be_read_is_shown(home: Path) -> None:
    ended = pricectl("status", home=home, env={"PRICECTL_READ_ONLY": "1"})
    assert (ended.code, ended.err) == (0, "")


def test_the_check_imports_nothing_heavy(home: Path) -> None:
    code = (
        "import sys\n"
        "from pricectl.cli import main\n"
        f"main(['status', '--check', '--home', {str(home)!r}])\n"
        "heavy = {'duckdb', '_duckdb', 'pyarrow', 'deltalake', 'httpx', 'tenacity', 'asyncio', 'diskcache', 'sqlite3',"
        " 'zoneinfo', 'tomllib', 'urllib.request', 'ssl', 'random', 'pricectl.state.ledger', 'pricectl.providers'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    env = environment(home)
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_nothing_but_the_check_needs_the_store_s_libraries_for_limits(home: Path) -> None:
    code = (
        "import sys\n"
        "from pricectl.cli import main\n"
        f"main(['status', '--limits', '-o', 'csv', '--home', {str(home)!r}])\n"
        "print(sorted({'duckdb', '_duckdb', 'pyarrow', 'deltalake', 'httpx', 'asyncio'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(home), capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
