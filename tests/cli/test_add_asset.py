"""``pricectl add-asset``, as real processes against a simulated market."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pricectl.simulator import Fault, Simulator
from shell import NOBODY, Ended, pricectl

HEADER = "symbol,name,type,category,code,provider,provider_id,currency,exchange,fallbacks,active,followed\n"


@pytest.fixture(scope="module")
def market() -> Iterator[Simulator]:
    with Simulator(seed=7) as running:
        yield running


def add(home: Path, *words: str, market: Simulator | None = None) -> Ended:
    return pricectl("add-asset", *words, home=home, env=market.env if market else NOBODY)


def own(home: Path) -> str:
    return (home / "assets.csv").read_text().removeprefix(HEADER)


def test_every_option_is_kept(tmp_path: Path) -> None:
    words = ("--name", "Joby Aviation", "--type", "stock", "--category", "Industrials", "--code", "JOBY1")
    words += ("--provider", "yahoo", "--provider-id", "JOBY", "--currency", "USD", "--exchange", "NYQ")
    ended = add(tmp_path, "fly", *words, "--json")
    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out) == {
        "symbol": "FLY",
        "name": "Joby Aviation",
        "type": "stock",
        "category": "Industrials",
        "code": "JOBY1",
        "provider": "yahoo",
        "provider_id": "JOBY",
        "currency": "USD",
        "exchange": "NYQ",
        "active": True,
        "followed": True,
        "fallbacks": None,
        "changed": True,
        "dryRun": False,
        "schemaVersion": 1,
    }
    assert own(tmp_path) == "FLY,Joby Aviation,stock,Industrials,JOBY1,yahoo,JOBY,USD,NYQ,,,yes\n"


def test_the_same_again_is_0_and_something_different_is_2(tmp_path: Path) -> None:
    first = add(tmp_path, "yahoo:JOBY", "--name", "Joby")
    assert (first.code, first.err) == (0, "added and followed: JOBY\n")
    before = own(tmp_path)
    again = add(tmp_path, "yahoo:JOBY", "--name", "Joby")
    assert (again.code, again.err) == (0, "JOBY is there already, and followed\n")
    other = add(tmp_path, "JOBY", "--name", "Jobby")
    assert other == (2, "", "pricectl: JOBY is taken: name is Joby, not Jobby; --replace changes it\n")
    assert own(tmp_path) == before
    planned = add(tmp_path, "JOBY", "--name", "Jobby", "--replace", "--dry-run")
    assert (planned.code, planned.err) == (0, "would add and follow: JOBY\n")
    assert own(tmp_path) == before
    assert add(tmp_path, "JOBY", "--name", "Jobby", "--replace").code == 0
    assert own(tmp_path) == "JOBY,Jobby,stock,stock,JOBY,yahoo,JOBY,,,,,yes\n"


def test_a_shipped_asset_is_followed_under_its_own_name(tmp_path: Path) -> None:
    assert add(tmp_path, "yahoo:BRK-B").err == "added and followed: BRK.B\n"
    assert own(tmp_path) == "BRK.B,,,,,,,,,,,yes\n"


def test_check_takes_the_currency_from_the_provider(tmp_path: Path, market: Simulator) -> None:
    ended = add(tmp_path, "PENCE", "--provider-id", "VOD.L", "--check", "--json", market=market)
    assert ended.code == 0
    assert json.loads(ended.out)["currency"] == "GBp"
    assert own(tmp_path) == "PENCE,PENCE,stock,stock,PENCE,yahoo,VOD.L,GBp,,,,yes\n"


def test_check_refuses_what_the_provider_contradicts(tmp_path: Path, market: Simulator) -> None:
    wrong = add(tmp_path, "PENCE", "--provider-id", "VOD.L", "--currency", "GBP", "--check", market=market)
    assert (wrong.code, wrong.out) == (2, "")
    assert "yahoo:VOD.L is quoted in GBp, not GBP" in wrong.err
    unknown = add(tmp_path, "yahoo:NOSUCH99", "--check", market=market)
    assert (unknown.code, unknown.out) == (4, "")
    assert not (tmp_path / "assets.csv").exists()


def test_check_of_a_provider_that_is_down_is_8_and_adds_nothing(tmp_path: Path) -> None:
    ended = add(tmp_path, "yahoo:JOBY", "--check", "--timeout", "2s")
    assert (ended.code, ended.out) == (8, "")
    assert not (tmp_path / "assets.csv").exists()


def test_check_is_not_content_with_what_is_remembered(tmp_path: Path) -> None:
    with Simulator(seed=7) as market:
        assert pricectl("price", "yahoo:NVDA", home=tmp_path, env=market.env).code == 0
        market.script(Fault("status", code=503))
        ended = add(tmp_path, "yahoo:NVDA", "--check", "--timeout", "3s", market=market)
    assert (ended.code, ended.out) == (8, "")
    assert not (tmp_path / "assets.csv").exists()


def test_backfill_loads_the_history(tmp_path: Path, market: Simulator) -> None:
    ended = add(tmp_path, "ETHBTC", "--type", "crypto", "--provider-id", "ETHBTC", "--backfill", market=market)
    assert ended.code == 0
    assert ended.err.splitlines()[0] == "added and followed: ETHBTC"
    assert "bars from" in ended.err
    offline = pricectl("history", "ETHBTC", "--range", "7d", "--offline", "--json", home=tmp_path, env=NOBODY)
    assert offline.code == 0
    assert json.loads(offline.out)["count"] == 7


def test_neither_check_nor_backfill_goes_with_offline(tmp_path: Path) -> None:
    for option in ("--check", "--backfill"):
        assert add(tmp_path, "JOBY", option, "--offline").code == 2
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "words",
    [("JOBY", "--type", "bond"), ("JOBY", "--provider", "stooq"), ("stooq:XBT",), ("JOBY", "--provider-id", "../x"),
     ("JOBY", "--name", "a\x1b[31mb"), ("JOBY", "--currency", "$"), ("binance:BTC-USD",), ("JOBY", "--exchange", "")],
)  # fmt: skip
def test_what_cannot_be_is_2_and_nothing_is_written(tmp_path: Path, words: tuple[str, ...]) -> None:
    ended = add(tmp_path, *words)
    if words[-1] == "":
        assert ended.code == 0  # an empty option says nothing
        return
    assert (ended.code, ended.out) == (2, "")
    assert "\x1b" not in ended.err
    assert os.listdir(tmp_path) == []


def test_two_processes_adding_at_once_lose_nothing(tmp_path: Path) -> None:
    import subprocess
    import sys

    from shell import environment

    adding = [
        subprocess.Popen(
            [sys.executable, "-m", "pricectl", "add-asset", f"QQA{n}", "-q"],
            env=environment(tmp_path, NOBODY),
            stdout=subprocess.DEVNULL,
        )
        for n in range(4)
    ]
    assert [process.wait(60) for process in adding] == [0, 0, 0, 0]
    assert [line.split(",")[0] for line in own(tmp_path).splitlines()] == ["QQA0", "QQA1", "QQA2", "QQA3"]
