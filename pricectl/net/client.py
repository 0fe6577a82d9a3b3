"""The only module that knows httpx: one bounded GET to one host. Another library would be a change here."""

import sys
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from pricectl import __version__
from pricectl.errors import BadPayload, ConfigError, ProviderError, Transient
from pricectl.net import browser, faults
from pricectl.net.host import Host, Request

if TYPE_CHECKING:
    import ssl

WIRE_MAX = 8 << 20  # bytes of a body as they arrive; the largest known is Binance's all-symbols answer, 1.2 MB
BODY_MAX = 32 << 20  # decoded; httpx itself has no limit: 1 MB of gzip became 1 GiB (measured)
CHUNK = 1 << 16
CONNECT_S, READ_S = 5.0, 10.0


class Raw(NamedTuple):
    """An answer off the wire: decoded, whole, not yet judged."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Client:
    """Connections to one host. Redirects are not followed; the environment's proxies and CA files are honoured, but a
    loopback address (a simulator, a local mirror) is never asked through a proxy."""

    def __init__(self, host: Host, base: str, transport: Any = None) -> None:
        self._host = host
        self._base = base
        self._httpx = _import_httpx()
        self._decoded = False
        loopback = is_loopback(base)
        if transport is None and host.impersonate and not loopback:
            transport = browser.transport(host.impersonate, base, host.at_once, BODY_MAX)
            self._decoded = transport is not None  # libcurl undoes gzip itself and leaves the header standing
        try:
            self._client = self._httpx.AsyncClient(
                transport=transport,
                verify=_tls(self._httpx, base, host.ciphers),
                trust_env=not loopback,
                follow_redirects=False,
                timeout=self._httpx.Timeout(READ_S, connect=CONNECT_S, pool=None),
                limits=self._httpx.Limits(max_connections=host.at_once, max_keepalive_connections=host.at_once),
            )
        except (ValueError, ImportError, OSError) as error:
            raise ConfigError(
                f"the environment's proxy or CA settings cannot be used ({type(error).__name__})",
                "check HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR",
            ) from None  # the original repeats the proxy's address
        self._client.headers = self._httpx.Headers(_headers(host, self._decoded))

    async def get(self, request: Request, key: str = "") -> Raw:
        """The whole answer, asked for with our ``key`` where the host wants one. Raises ProviderError: Transient for a
        cut or missing one, BadPayload for one too large or wrongly encoded, Refused where TLS fails."""
        try:
            headers = {self._host.key[0]: self._host.key[1] + key} if self._host.key else None
            async with self._client.stream("GET", _address(self._base, request), headers=headers) as response:
                encoding = "" if self._decoded else response.headers.get("content-encoding", "")
                body = _Body(self._host, encoding, BODY_MAX if self._decoded else WIRE_MAX)
                async for chunk in response.aiter_raw():
                    body.feed(chunk)
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Raw(response.status_code, headers, body.whole())
        except self._httpx.InvalidURL:
            raise ConfigError(f"the base address of {self._host.name} is not an address", "correct it") from None
        except (self._httpx.HTTPError, OSError) as error:
            raise faults.transport(self._host, error) from _without_secrets(error)

    async def aclose(self) -> None:
        await self._client.aclose()


class _Body:
    """Collects a body within the limits and undoes gzip, which httpx would accept unended and unbounded."""

    def __init__(self, host: Host, encoding: str, wire_max: int) -> None:
        self._host = host
        self._wire_max = wire_max
        self._chunks: list[bytes] = []
        self._wire = self._size = 0
        encoding = encoding.strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip"):
            raise self._bad("in an encoding that was not asked for")
        self._gzip = zlib.decompressobj(31) if "gzip" in encoding else None

    def feed(self, chunk: bytes) -> None:
        self._wire += len(chunk)
        if self._wire > self._wire_max:
            raise self._bad(f"with more than {self._wire_max >> 20} MB")
        if self._gzip is None:
            self._keep(chunk)
            return
        try:
            while True:
                part = self._gzip.decompress(chunk, CHUNK)
                self._keep(part)
                if self._gzip.unused_data or (self._gzip.eof and chunk and not part and not self._size):
                    raise self._bad("with something after the end of its gzip data")
                chunk = self._gzip.unconsumed_tail
                if not chunk and len(part) < CHUNK:
                    return
        except zlib.error:
            raise self._bad("with damaged gzip data") from None

    def whole(self) -> bytes:
        if self._gzip is not None and not self._gzip.eof:
            raise Transient(f"{self._host.name} broke off within its answer", faults.LATER, self._host.name)
        return b"".join(self._chunks)

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > BODY_MAX:
            raise self._bad(f"with more than {BODY_MAX >> 20} MB")
        self._chunks.append(part)

    def _bad(self, how: str) -> ProviderError:
        return BadPayload(f"{self._host.name} answered {how}", faults.LATER, self._host.name)


def is_loopback(base: str) -> bool:
    """Whether an address leads to this machine."""
    import ipaddress

    name = urlsplit(base).hostname or ""
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _address(base: str, request: Request) -> str:
    query = urlencode(request.params, quote_via=quote, safe=",")
    return f"{base}{request.path}?{query}" if query else f"{base}{request.path}"


def _import_httpx() -> Any:
    # httpx imports its own command line (rich, pygments) unless that module is missing: 50 of 115 ms (measured).
    if "httpx" not in sys.modules and "httpx._main" not in sys.modules:
        sys.modules["httpx._main"] = None  # type: ignore[assignment]
        try:
            import httpx
        finally:
            del sys.modules["httpx._main"]
    import logging

    import httpx

    # At INFO they write whole addresses, with whatever key a provider wants in them.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return httpx


def _tls(httpx: Any, base: str, ciphers: str) -> "ssl.SSLContext":
    import ssl

    if base.startswith("http://"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # never used; loading the CA file takes 23 ms
    context: ssl.SSLContext = httpx.create_ssl_context()
    if ciphers:
        context.set_ciphers(ciphers)
    return context


def _headers(host: Host, as_browser: bool) -> dict[str, str]:
    own = {name.lower(): value for name, value in host.headers}
    if as_browser:  # the browser's own belong to its handshake
        return {name: value for name, value in own.items() if name != "user-agent" and not name.startswith("accept")}
    return {"user-agent": f"pricectl/{__version__}", "accept": "*/*", **own, "accept-encoding": "gzip"}


def _without_secrets(error: Exception) -> Exception | None:
    # h11 repeats an unacceptable header whole, and a header may be a key.
    return None if type(error).__name__ == "LocalProtocolError" else error
