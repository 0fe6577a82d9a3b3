"""Keys: shown to their host only, the next one once on a 401, and never in a message, a log or a traceback."""

import asyncio
import logging
import traceback
from pathlib import Path

import pytest

from asking import HOST, SleptClock
from pricectl.config import load
from pricectl.errors import PricectlError, Refused
from pricectl.home import Home
from pricectl.net import Http, Reply, Request
from pricectl.state import Ledger
from raw_server import RawServer, answer, saying

FIRST, NEXT = "CANARY-first-1f9d", "CANARY-next-77b2"
TIINGO = HOST._replace(name="tiingo", key=("authorization", "Token "))
NO = answer(b'{"detail":"Invalid token."}', "401 Unauthorized")
OK = answer()
BOTH = {"PRICECTL_TIINGO_TOKEN": FIRST, "PRICECTL_TIINGO_TOKEN_NEXT": NEXT}


def ask(root: Path, url: str, times: int = 1, host=TIINGO, **env: str):
    """What ``times`` requests at once give; errors as values."""
    settings = load(Home(str(root)), {"PRICECTL_TIINGO_URL": url, "PRICECTL_YAHOO_URL": url} | env)
    clock = SleptClock()

    async def one(http: Http):
        try:
            return await http.ask(host, Request("/x"), Reply.json)
        except PricectlError as error:
            return error

    async def run():
        async with Http(settings, Ledger(settings, clock), clock, sleep=clock.sleep) as http:
            return await asyncio.gather(*(one(http) for _ in range(times)))

    return asyncio.run(run())


def shown(head: str) -> list[str]:
    return [line.partition(": ")[2] for line in head.splitlines() if line.lower().startswith("authorization:")]


def test_the_key_goes_to_the_host_that_wants_it_and_to_no_other(tmp_path):
    with RawServer(saying(OK, OK)) as server:
        assert ask(tmp_path, server.url, **BOTH) == [{"a": 1}]
        assert ask(tmp_path, server.url, host=HOST, **BOTH) == [{"a": 1}]
    assert [shown(head) for head in server.heads] == [[f"Token {FIRST}"], []]


def test_the_next_key_is_shown_once_when_the_first_is_refused(tmp_path):
    with RawServer(saying(NO, OK)) as server:
        assert ask(tmp_path, server.url, **BOTH) == [{"a": 1}]
    assert [shown(head) for head in server.heads] == [[f"Token {FIRST}"], [f"Token {NEXT}"]]


def test_when_both_are_refused_that_is_the_end(tmp_path):
    with RawServer(saying(NO, NO, OK)) as server:
        (error,) = ask(tmp_path, server.url, **BOTH)
    assert isinstance(error, Refused)
    assert (str(error), error.hint) == (
        "tiingo answered 401: it wants a key, or another one", "check PRICECTL_TIINGO_TOKEN",
    )  # fmt: skip
    assert len(server.heads) == 2


def test_without_a_next_key_a_401_is_not_tried_again(tmp_path):
    with RawServer(saying(NO, OK)) as server:
        (error,) = ask(tmp_path, server.url, PRICECTL_TIINGO_TOKEN=FIRST)
    assert isinstance(error, Refused)
    assert len(server.heads) == 1


def test_of_many_requests_at_once_each_turns_to_the_next_key_once(tmp_path):
    def by_key(connection, head):
        connection.sendall(OK if NEXT in head else NO)

    with RawServer(by_key) as server:
        assert ask(tmp_path, server.url, times=6, **BOTH) == [{"a": 1}] * 6
    assert sum(FIRST in head for head in server.heads) <= TIINGO.at_once
    assert sum(NEXT in head for head in server.heads) == 6


def test_without_a_key_nothing_is_sent(tmp_path):
    with RawServer(saying(OK)) as server:
        (error,) = ask(tmp_path, server.url)
    assert isinstance(error, Refused)
    assert (str(error), error.hint) == (
        "tiingo wants a key", "set PRICECTL_TIINGO_TOKEN, or PRICECTL_TIINGO_TOKEN_FILE",
    )  # fmt: skip
    assert server.heads == []


def test_a_key_is_not_sent_in_clear_beyond_this_machine(tmp_path):
    (error,) = ask(tmp_path, "http://mirror.example", PRICECTL_TIINGO_TOKEN=FIRST)
    assert isinstance(error, Refused)
    assert str(error) == "a key is not sent to tiingo in clear"


@pytest.mark.parametrize(
    "reply",
    [NO, answer(b"", "302 Found", "Location: https://elsewhere.example/"), answer(b"{", "200 OK"), b"", b"nonsense"],
)
def test_no_message_log_or_traceback_holds_a_key(tmp_path, caplog, capfd, reply):
    caplog.set_level(logging.DEBUG)
    with RawServer(saying(*[reply] * 6)) as server:
        (error,) = ask(tmp_path, server.url, **BOTH)
    told = (
        "".join(traceback.format_exception(error))
        + repr(error)
        + error.hint
        + caplog.text
        + "".join(capfd.readouterr())
    )
    assert "CANARY" not in told
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(b"CANARY" in content for content in kept)
