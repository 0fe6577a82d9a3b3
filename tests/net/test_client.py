"""What goes over the wire, through whom, and to whom not."""

import asyncio
import logging
import ssl
import sys
import traceback
import types
from pathlib import Path

import httpx
import pytest

from asking import HOST, Asker
from pricectl.errors import BadPayload, ConfigError, PricectlError, Refused, Transient
from pricectl.net import Request, browser, client, faults
from raw_server import RawServer, answer, saying

TLS = Path(__file__).parent / "tls"  # self-signed, for localhost and for another name, until 2126
CANARY = "CANARY-1f9d"


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_the_request_line_keeps_the_path_and_encodes_the_parameters(tmp_path):
    request = Request("/v8/finance/chart/%5EGSPC", (("symbols", '["BTCUSDT","BNBUSDT"]'), ("a b", "EURUSD=X&é")))
    with RawServer(saying(answer())) as server:
        Asker(tmp_path, server.url).ask(request=request)
    assert server.heads[0].splitlines()[0] == (
        "GET /v8/finance/chart/%5EGSPC?symbols=%5B%22BTCUSDT%22,%22BNBUSDT%22%5D&a%20b=EURUSD%3DX%26%C3%A9 HTTP/1.1"
    )


def test_the_headers_are_the_host_s_and_gzip_is_all_that_is_offered(tmp_path):
    host = HOST._replace(headers=(("User-Agent", "Mozilla/5.0"), ("Accept", "application/json")))
    with RawServer(saying(answer())) as server:
        Asker(tmp_path, server.url, host).ask()
        Asker(tmp_path, server.url).ask()
    sent = [line.lower() for line in server.heads[0].splitlines()[1:] if line]
    assert sorted(sent) == sorted(
        [
            f"host: {server.url[7:]}",
            "user-agent: mozilla/5.0",
            "accept: application/json",
            "accept-encoding: gzip",
            "connection: keep-alive",
        ]
    )
    assert "user-agent: pricectl/" in server.heads[1].lower()


def test_a_base_address_may_have_a_path(tmp_path):
    with RawServer(saying(answer())) as server:
        Asker(tmp_path, f"{server.url}/mirror").ask()
    assert server.heads[0].startswith("GET /mirror/x HTTP/1.1")


def test_the_environment_s_proxy_is_used(tmp_path, monkeypatch):
    with RawServer(saying(answer())) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        assert Asker(tmp_path, "http://prices.invalid").ask() == {"a": 1}
    assert proxy.heads[0].startswith("GET http://prices.invalid/x HTTP/1.1")


@pytest.mark.parametrize("variable", ["http_proxy", "all_proxy"])
def test_a_loopback_address_is_never_asked_through_a_proxy(tmp_path, monkeypatch, variable):
    with RawServer(saying(answer(b'{"a":2}'))) as proxy, RawServer(saying(answer())) as server:
        monkeypatch.setenv(variable, proxy.url)
        assert Asker(tmp_path, server.url).ask() == {"a": 1}
        assert Asker(tmp_path, server.url.replace("127.0.0.1", "localhost")).ask() == {"a": 1}
    assert proxy.heads == []


def test_no_proxy_is_honoured(tmp_path, monkeypatch):
    with RawServer(saying(answer())) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "prices.invalid")
        assert isinstance(Asker(tmp_path, "http://prices.invalid").ask(within_s=5), Transient)
    assert proxy.heads == []


@pytest.mark.parametrize("proxy", [f"gopher://user:{CANARY}@x", f"socks5://user:{CANARY}@127.0.0.1:1"])
def test_a_proxy_that_cannot_be_used_is_a_configuration_error_without_its_password(tmp_path, monkeypatch, proxy):
    monkeypatch.setenv("http_proxy", proxy)
    got = Asker(tmp_path, "http://prices.invalid").ask()
    assert type(got) is ConfigError
    assert "HTTPS_PROXY" in got.hint
    assert CANARY not in "".join(traceback.format_exception(got))


def test_a_ca_file_that_is_not_there_is_a_configuration_error(tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    got = Asker(tmp_path, "https://prices.invalid").ask()
    assert type(got) is ConfigError
    assert "SSL_CERT_FILE" in got.hint


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://127.3.2.1", True),
        ("http://localhost:1/x", True),
        ("http://[::1]:80", True),
        ("http://127.evil.example", False),
        ("http://localhost.example", False),
        ("https://query2.finance.yahoo.com", False),
        ("http://10.0.0.1", False),
    ],
)
def test_what_counts_as_loopback(base, expected):
    assert client.is_loopback(base) is expected


def tls(name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / f"{name}.pem")
    return context


def test_a_certificate_that_nobody_vouches_for_is_refused_at_once(tmp_path, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    with RawServer(saying(answer()), tls("localhost")) as server:
        asker = Asker(tmp_path, server.url)
        got = asker.ask()
    assert type(got) is Refused
    assert got.exit_code == 8
    assert "certificate" in str(got)
    assert asker.clock.slept == []
    assert server.heads == []


def test_a_certificate_for_another_host_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "elsewhere.pem"))
    with RawServer(saying(answer()), tls("elsewhere")) as server:
        got = Asker(tmp_path, server.url).ask()
    assert type(got) is Refused
    assert "certificate" in str(got)


def test_the_environment_s_ca_file_is_honoured(tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "localhost.pem"))
    with RawServer(saying(answer()), tls("localhost")) as server:
        assert Asker(tmp_path, server.url).ask() == {"a": 1}


def test_no_tls_where_tls_is_expected_is_refused(tmp_path):
    def plain(connection, _: str) -> None:
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with RawServer(plain) as server:
        # The greeting of TLS holds no empty line, so the server has to be given one to answer to.
        server._serve = lambda connection: (
            connection.recv(100),
            connection.sendall(b"HTTP/1.1 400\r\n\r\n"),
            connection.close(),
        )
        got = Asker(tmp_path, server.url.replace("http://127.0.0.1", "https://localhost")).ask()
    assert type(got) is Refused
    assert "certificate" in str(got)


def test_the_ciphers_of_a_host_are_the_ones_offered():
    context = client._tls(httpx, "https://x", "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384")
    names = [cipher["name"] for cipher in context.get_ciphers() if cipher["protocol"] != "TLSv1.3"]
    assert names == ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384"]
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


class Browser(httpx.AsyncBaseTransport):
    """Stands in for the optional transport: hands over decoded bodies under undecoded headers, as libcurl does."""

    made: list["Browser"]

    def __init__(self, **options: object) -> None:
        self.options = options
        self.made.append(self)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.request = request

        async def body():
            yield b'{"a":1}'

        class Stream(httpx.AsyncByteStream):
            def __aiter__(self):
                return body()

        return httpx.Response(200, headers={"Content-Encoding": "br"}, stream=Stream())


@pytest.fixture
def installed(monkeypatch):
    module = types.ModuleType("httpx_curl_cffi")
    Browser.made = []
    module.AsyncCurlTransport = Browser
    module.CurlOpt = types.SimpleNamespace(FRESH_CONNECT=74, MAXFILESIZE=114)
    monkeypatch.setitem(sys.modules, "httpx_curl_cffi", module)
    return Browser.made


AS_CHROME = HOST._replace(
    impersonate="chrome", headers=(("user-agent", "Mozilla/5.0"), ("accept", "application/json"), ("x-own", "1"))
)


def test_a_host_that_wants_a_browser_gets_one_where_it_is_installed(tmp_path, installed, monkeypatch):
    monkeypatch.setenv("https_proxy", "proxy.example:3128")
    monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "localhost.pem"))
    assert Asker(tmp_path, "https://prices.invalid", AS_CHROME).ask() == {"a": 1}
    assert installed[0].options == {
        "impersonate": "chrome",
        "default_headers": True,
        "proxy": "http://proxy.example:3128",
        "verify": str(TLS / "localhost.pem"),
        "max_connections": 4,
        "curl_options": {74: True, 114: 32 << 20},
    }
    sent = installed[0].request.headers
    assert sent["x-own"] == "1"
    # The browser's own belong to its handshake: the transport puts them in place of httpx's, which it knows.
    known = httpx.Client().headers
    assert {name: sent[name] for name in known} == dict(known)


@pytest.mark.parametrize(("code", "error"), [(60, Refused), (35, Refused), (63, BadPayload), (18, Transient)])
def test_what_libcurl_s_numbers_mean(code, error):
    class CurlError(OSError):
        pass

    cause = CurlError("curl")
    cause.code = code
    failure = httpx.RequestError("curl")
    failure.__cause__ = cause
    assert type(faults.transport(HOST, failure)) is error


def test_a_simulator_on_loopback_is_asked_plainly(tmp_path, installed):
    with RawServer(saying(answer())) as server:
        assert Asker(tmp_path, server.url, AS_CHROME).ask() == {"a": 1}
    assert installed == []


def test_without_the_package_the_host_is_asked_as_ourselves(monkeypatch):
    monkeypatch.setitem(sys.modules, "httpx_curl_cffi", None)
    assert browser.transport("chrome", "https://prices.invalid", 4, 1) is None


@pytest.mark.parametrize(
    ("env", "base", "expected"),
    [
        ({}, "https://x.example", None),
        ({"https_proxy": "http://p:1"}, "https://x.example", "http://p:1"),
        ({"https_proxy": "p:1"}, "https://x.example", "http://p:1"),
        ({"all_proxy": "socks5://p:1"}, "https://x.example", "socks5://p:1"),
        ({"http_proxy": "http://p:1"}, "https://x.example", None),
        ({"https_proxy": "http://p:1", "no_proxy": "x.example"}, "https://x.example", None),
        ({"https_proxy": "http://p:1", "no_proxy": "y.example"}, "https://x.example", "http://p:1"),
        ({"https_proxy": "http://p:1", "no_proxy": "*"}, "https://x.example", None),
    ],
)
def test_the_proxy_for_an_address(monkeypatch, env, base, expected):
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert browser.proxy_for(base) == expected


SAYINGS = {
    "answer": answer(),
    "not json": answer(b"<"),
    "web page": answer(b"<html>"),
    "cut": answer()[:-1],
    "garbage": b"garbage",
    "401": answer(b"", "401 No"),
    "403": answer(b"", "403 No"),
    "418": answer(b"", "418 Ban"),
    "429": answer(b"", "429 Many"),
    "500": answer(b"", "500 Oops"),
    "302": answer(b"", "302 Found", f"Location: https://x.example/{CANARY}"),
}


@pytest.mark.parametrize("said", SAYINGS)
def test_no_failure_tells_a_secret(tmp_path, caplog, capfd, said):
    caplog.set_level(logging.DEBUG)
    host = HOST._replace(headers=(("X-Api-Key", CANARY), ("Authorization", f"Token {CANARY}")))
    request = Request("/x", (("apikey", CANARY),))
    with RawServer(saying(SAYINGS[said])) as server:
        asker = Asker(tmp_path, server.url, host)
        got = [asker.ask(request=request) for _ in range(2)]
    assert CANARY in server.heads[0]
    told = [capfd.readouterr(), caplog.text]
    for one in got:
        if isinstance(one, PricectlError):
            told += [one, one.hint, *traceback.format_exception(one)]
    told += [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert CANARY not in "".join(str(one) for one in told)


def test_a_key_that_no_header_can_hold_is_not_repeated(tmp_path):
    host = HOST._replace(headers=(("X-Api-Key", f"{CANARY}\r\n"),))
    with RawServer(saying(answer())) as server:
        got = Asker(tmp_path, server.url, host).ask()
    assert isinstance(got, PricectlError)
    assert CANARY not in "".join(traceback.format_exception(got))


def test_connections_are_closed_at_the_end_of_a_run(tmp_path):
    with RawServer(saying(answer())) as server:
        asker = Asker(tmp_path, server.url)

        async def run() -> bool:
            async with asker.http() as http:
                await http.ask(HOST, Request("/x"), lambda reply: reply.status)
                line = http._lines["yahoo"]
            return line.client._client.is_closed

        assert asyncio.run(run())
