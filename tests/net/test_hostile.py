"""Servers that are broken or mean: bounded time, bounded memory, a typed error, never data."""

import gzip
import os
import resource
import socket
import time
import zlib

import pytest

from asking import Asker
from pricectl.errors import BadPayload, Refused, Transient
from pricectl.model.instant import Clock
from pricectl.net import Reply
from raw_server import RawServer, answer, reset, saying

BODY = b'{"price":"65000.1"}'
WHOLE = answer(BODY)


@pytest.mark.parametrize("end", ["FIN", "RST"])
def test_an_answer_cut_after_any_byte_is_a_transient_error_and_never_data(tmp_path, end):
    cuts = list(range(len(WHOLE)))

    def act(connection: socket.socket, _: str) -> None:
        connection.sendall(WHOLE[: cuts.pop(0) if cuts else 0])
        if end == "RST":
            reset(connection)

    with RawServer(act) as server:
        asker = Asker(tmp_path, server.url)
        while cuts:
            asker.clock.advance(3600)  # past the breaker, which opens meanwhile
            got = asker.ask()
            assert type(got) is Transient, (cuts[:1], got)
            assert got.exit_code == 8
    assert len(server.heads) >= len(WHOLE)


def test_the_whole_answer_is_data(tmp_path):
    with RawServer(saying(WHOLE)) as server:
        assert Asker(tmp_path, server.url).ask() == {"price": "65000.1"}


def test_a_byte_now_and_then_ends_at_the_deadline(tmp_path):
    def drip(connection: socket.socket, _: str) -> None:
        for byte in answer(b" " * 10_000):
            if server.closing.wait(0.02):
                return
            connection.sendall(bytes([byte]))

    with RawServer(drip) as server:
        started = time.monotonic()
        got = Asker(tmp_path, server.url, clock=Clock()).ask(within_s=0.4)
        assert 0.35 < time.monotonic() - started < 5  # its 10,000 bytes take minutes
    assert type(got) is Transient
    assert len(server.heads) == 1


def test_silence_ends_at_the_deadline(tmp_path):
    with RawServer(lambda _connection, _head: server.closing.wait(10) and None) as server:
        got = Asker(tmp_path, server.url, clock=Clock()).ask(within_s=0.2)
    assert type(got) is Transient
    assert "in time" in str(got)


def test_a_server_that_never_answers_costs_ten_seconds_an_attempt(tmp_path, monkeypatch):
    from pricectl.net import pipeline

    assert pipeline.REQUEST_S == 10.0
    monkeypatch.setattr(pipeline, "REQUEST_S", 0.1)
    with RawServer(lambda _connection, _head: server.closing.wait(10) and None) as server:
        got = Asker(tmp_path, server.url).ask()
    assert type(got) is Transient
    assert len(server.heads) == 3


def _gzipped(data: bytes, *, cut: int = 0) -> bytes:
    packed = gzip.compress(data)
    return answer(packed[: len(packed) - cut], "200 OK", "Content-Encoding: gzip")


def test_a_gzip_bomb_is_put_down_at_32_mb(tmp_path):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(1 << 20)
    packed = b"".join(packer.compress(zeros) for _ in range(160)) + packer.flush()  # 160 MB in 160 kB
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with RawServer(saying(answer(packed, "200 OK", "Content-Encoding: gzip"))) as server:
        got = Asker(tmp_path, server.url).ask()
    assert type(got) is BadPayload
    assert "32 MB" in str(got)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 100 * (1 << (20 if os.uname().sysname == "Darwin" else 10))  # bytes on macOS, kB on Linux
    assert len(server.heads) == 1


def test_a_body_of_more_than_8_mb_on_the_wire_is_put_down(tmp_path):
    head = answer(b"", "200 OK", "Content-Length: 10000000", length=False)
    with RawServer(saying(head + b" " * 8_400_000)) as server:
        got = Asker(tmp_path, server.url).ask()
    assert type(got) is BadPayload
    assert "8 MB" in str(got)


def test_gzip_is_undone(tmp_path):
    with RawServer(saying(_gzipped(BODY))) as server:
        assert Asker(tmp_path, server.url).ask() == {"price": "65000.1"}


def test_a_large_gzip_body_is_undone_whole(tmp_path):
    text = b'{"a":"' + os.urandom(200_000).hex().encode() + b'"}'
    with RawServer(saying(_gzipped(text))) as server:
        assert Asker(tmp_path, server.url).ask(lambda reply: reply.body) == text


@pytest.mark.parametrize("cut", [1, 8, 12])
def test_gzip_without_its_end_is_not_data(tmp_path, cut):
    with RawServer(saying(_gzipped(BODY, cut=cut))) as server:
        got = Asker(tmp_path, server.url).ask()
    assert type(got) is Transient


@pytest.mark.parametrize("tail", [b"x", gzip.compress(b'{"price":"1"}')], ids=["byte", "second-answer"])
def test_something_after_the_gzip_data_is_not_accepted(tmp_path, tail):
    packed = gzip.compress(BODY) + tail
    with RawServer(saying(answer(packed, "200 OK", "Content-Encoding: gzip"))) as server:
        got = Asker(tmp_path, server.url).ask()
    assert type(got) is BadPayload
    assert "after the end" in str(got)


def test_something_after_the_gzip_data_in_its_own_packet_is_not_accepted(tmp_path):
    packed = gzip.compress(BODY)
    chunks = [b"%x\r\n%s\r\n" % (len(part), part) for part in (packed, b"more")] + [b"0\r\n\r\n"]
    head = answer(b"", "200 OK", "Content-Encoding: gzip", "Transfer-Encoding: chunked", length=False)
    with RawServer(saying(head + b"".join(chunks))) as server:
        got = Asker(tmp_path, server.url).ask()
    assert type(got) is BadPayload


@pytest.mark.parametrize(
    ("body", "encoding"), [(BODY, "gzip"), (BODY, "br"), (zlib.compress(BODY), "deflate"), (BODY, "gzip, gzip")]
)
def test_an_encoding_that_is_not_what_it_says_is_a_bad_payload(tmp_path, body, encoding):
    with RawServer(saying(answer(body, "200 OK", f"Content-Encoding: {encoding}"))) as server:
        got = Asker(tmp_path, server.url).ask()
    assert type(got) is BadPayload
    assert "Accept-Encoding: gzip\r\n" in server.heads[0].replace("accept-encoding", "Accept-Encoding")


def test_a_body_that_ends_with_the_connection_counts_only_if_its_json_is_whole(tmp_path):
    whole = answer(BODY, "200 OK", "Connection: close", length=False)
    with RawServer(saying(whole, whole[:-1])) as server:
        asker = Asker(tmp_path, server.url)
        assert asker.ask() == {"price": "65000.1"}
        assert type(asker.ask()) is BadPayload


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(20_000)) + b"\r\n",
        b"NOT HTTP AT ALL\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\n{}   ",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}",
        b"HTTP/1.1 999999 ?\r\n\r\n",
        b"\x00\x01\x02" * 100,
    ],
    ids=["long-header", "many-headers", "garbage", "two-lengths", "negative-length", "odd-status", "binary"],
)
def test_what_is_not_http_is_a_provider_error(tmp_path, said):
    with RawServer(saying(said)) as server:
        got = Asker(tmp_path, server.url).ask()
    assert type(got) is Transient
    assert got.provider == "yahoo"


def test_a_redirect_is_not_followed_and_its_target_is_named(tmp_path):
    moved = answer(b"", "307 Temporary Redirect", "Location: https://guce.yahoo.com/consent?gcrumb=SECRETCRUMB")
    with RawServer(saying(moved)) as server:
        got = Asker(tmp_path, server.url).ask()
    assert type(got) is Refused
    assert "guce.yahoo.com" in str(got)
    assert "SECRETCRUMB" not in f"{got} {got.hint}"
    assert len(server.heads) == 1


@pytest.mark.parametrize("target", ["", "http://[", "//", "/elsewhere", "http://\x1b[31mred/"])
def test_a_redirect_to_nowhere_is_a_redirect(tmp_path, target):
    with RawServer(saying(answer(b"", "302 Found", f"Location: {target}"))) as server:
        got = Asker(tmp_path, server.url).ask()
    assert isinstance(got, Refused | Transient)
    assert "\x1b" not in str(got)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<!DOCTYPE html><title>Will be right back</title>", "application/json"),
        (b"  <HTML><body>consent</body></HTML>", "text/plain"),
        (b"anything", "text/html; charset=utf-8"),
    ],
)
def test_a_web_page_in_place_of_data_is_transient(tmp_path, body, kind):
    page = answer(body).replace(b"application/json", kind.encode())
    with RawServer(saying(page)) as server:
        got = Asker(tmp_path, server.url).ask()
    assert type(got) is Transient
    assert "web page" in str(got)


def test_nobody_listens(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    got = Asker(tmp_path, f"http://127.0.0.1:{port}").ask()
    assert isinstance(got, Transient)
    assert str(got) == "no connection to yahoo"


def test_a_name_that_does_not_exist(tmp_path):
    got = Asker(tmp_path, "http://nobody.invalid").ask(within_s=5)
    assert isinstance(got, Transient)


def test_a_reading_function_that_stumbles_is_a_bad_payload(tmp_path):
    def read(reply: Reply) -> str:
        return reply.json()["chart"]["result"][0]

    with RawServer(saying(answer(b'{"chart":null}'))) as server:
        got = Asker(tmp_path, server.url).ask(read)
    assert type(got) is BadPayload
    assert len(server.heads) == 1
