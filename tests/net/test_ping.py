"""Pings to a monitor: in order, in time, and never in the way."""

import socket
import time
from pathlib import Path

import pytest

from pricectl.errors import UsageError
from pricectl.net import ping
from pricectl.net.ping import Ping, address
from raw_server import RawServer, answer, reset

SECRET = "8f2e6c1a-0000-4000-8000-123456789abc"
OK = answer(b"OK")


def lines_of(server: RawServer) -> list[str]:
    return [head.split("\r\n", 1)[0] for head in server.heads]


def say_ok(connection: socket.socket, _: str) -> None:
    connection.sendall(OK)


def test_a_run_is_announced_and_its_end_told_with_its_exit_code():
    bodies = []

    def take(connection: socket.socket, head: str) -> None:
        body = head.partition("\r\n\r\n")[2].encode("latin-1")
        length = int((head.lower().partition("content-length: ")[2].split("\r\n")[0]) or 0)
        while len(body) < length:
            body += connection.recv(4096)
        bodies.append(body.decode())
        connection.sendall(OK)

    with RawServer(take) as server:
        run = Ping(f"{server.url}/{SECRET}/")
        run.start()
        assert run.finish(3, "2 of 9 failed: é") == ""
    start, end = lines_of(server)
    rid = start.rpartition("rid=")[2].split()[0]
    assert start == f"GET /{SECRET}/start?rid={rid} HTTP/1.1"
    assert end == f"POST /{SECRET}/3?rid={rid} HTTP/1.1"
    assert len(rid) == 36
    assert bodies == ["", "2 of 9 failed: é"]
    assert "user-agent: pricectl/" in server.heads[0].lower()


def test_two_runs_have_ids_of_their_own_and_a_query_stays():
    with RawServer(say_ok) as server:
        for _ in range(2):
            assert Ping(f"{server.url}/x?create=1#top").finish(0) == ""
    first, second = lines_of(server)
    assert first.startswith("GET /x/0?create=1&rid=")
    assert "#" not in first
    assert first != second


def test_the_end_is_told_after_the_start():
    def slow_start(connection: socket.socket, head: str) -> None:
        if "/start" in head:
            time.sleep(0.2)
            order.append("start")
        else:
            order.append("end")
        connection.sendall(OK)

    order: list[str] = []
    with RawServer(slow_start) as server:
        run = Ping(server.url)
        run.start()
        assert run.finish(0) == ""
    assert order == ["start", "end"]


def test_a_monitor_that_hangs_costs_no_more_than_the_limit():
    def hang(connection: socket.socket, _: str) -> None:
        server.closing.wait(10)

    with RawServer(hang) as server:
        run = Ping(f"{server.url}/{SECRET}")
        began = time.monotonic()
        run.start()
        assert time.monotonic() - began < 0.3
        began = time.monotonic()
        said = run.finish(0, "", 0.4)
        assert time.monotonic() - began < 1.2
    assert said in ("the ping was not answered within 0.4 s", "the ping did not go through: timed out",
                    "the ping did not go through: TimeoutError")  # fmt: skip


def test_an_answer_that_drips_costs_no_more_than_the_limit():
    def drip(connection: socket.socket, _: str) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while not server.closing.wait(0.05):
            connection.sendall(b"X-A: b\r\n")

    with RawServer(drip) as server:
        began = time.monotonic()
        assert Ping(server.url).finish(0, "", 0.4) == "the ping was not answered within 0.4 s"
        assert time.monotonic() - began < 1.2


def test_the_limit_is_three_seconds():
    assert ping.LIMIT_S == 3.0


@pytest.mark.parametrize(
    ("status", "headers", "said"),
    [
        ("404 Not Found", (), "the ping was not taken: HTTP 404"),
        ("429 Too Many Requests", (), "the ping was not taken: HTTP 429"),
        ("500 Internal Server Error", (), "the ping was not taken: HTTP 500"),
        ("302 Found", ("Location: http://127.0.0.1:9/elsewhere",), "the ping was not taken: HTTP 302"),
    ],
)
def test_a_refusal_is_told_without_the_secret(status, headers, said):
    def refuse(connection: socket.socket, _: str) -> None:
        connection.sendall(answer(b"", status, *headers))

    with RawServer(refuse) as server:
        assert Ping(f"{server.url}/{SECRET}").finish(0) == said
        assert len(server.heads) == 1


@pytest.mark.parametrize("act", [lambda c, h: reset(c), lambda c, h: c.sendall(b"garbage\r\n\r\n"), lambda c, h: None])
def test_a_broken_monitor_is_told_in_one_line_without_the_secret(act):
    with RawServer(act) as server:
        said = Ping(f"{server.url}/{SECRET}").finish(0)
    assert said.startswith("the ping did not go through: ")
    assert SECRET not in said
    assert "\n" not in said


def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    run = Ping(f"http://127.0.0.1:{port}/{SECRET}")
    run.start()
    assert run.finish(0) == "the ping did not go through: Connection refused"


def test_a_loopback_monitor_is_not_asked_through_a_proxy(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with RawServer(say_ok) as server:
        assert Ping(server.url).finish(0) == ""


def test_the_proxy_of_the_environment_is_used(monkeypatch):
    with RawServer(say_ok) as server:
        monkeypatch.setenv("http_proxy", server.url)
        monkeypatch.delenv("no_proxy", raising=False)
        assert Ping("http://monitor.example/x").finish(0) == ""
    assert lines_of(server)[0].startswith("GET http://monitor.example/x/0?rid=")


@pytest.mark.parametrize(
    "url",
    ["", SECRET, f"ftp://h/{SECRET}", f"https:///{SECRET}", f"http://h/{SECRET} x", f"http://h/{SECRET}\n",
     f"http://[::1/{SECRET}", f"http://h:port/{SECRET}", f"http://me:{SECRET}@h/"],
)  # fmt: skip
def test_what_is_no_address_is_refused_and_not_repeated(url):
    with pytest.raises(UsageError) as caught:
        Ping(url)
    assert SECRET not in f"{caught.value} {caught.value.hint}"
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_the_address_may_lie_in_a_file(tmp_path: Path):
    held = tmp_path / "url"
    held.write_text(f"https://hc-ping.com/{SECRET}\n")
    assert address(f"@{held}") == f"https://hc-ping.com/{SECRET}"
    assert address("https://hc-ping.com/x") == "https://hc-ping.com/x"


def test_a_file_that_holds_no_address(tmp_path: Path):
    with pytest.raises(UsageError, match=r"cannot read the ping URL from .*absent: No such file"):
        address(f"@{tmp_path}/absent")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="it is not ASCII text"):
        address(f"@{tmp_path}/binary")
    (tmp_path / "empty").write_text("")
    with pytest.raises(UsageError, match="not an http"):
        address(f"@{tmp_path}/empty")
