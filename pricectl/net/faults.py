"""Where it is decided what a failure is, once: transport, status and headers here, body-level codes in the providers'
reading functions. Messages name the provider, the status and hosts; never an address with its parameters."""

import re
from collections.abc import Iterator

from pricectl.errors import BadPayload, ProviderError, RateLimited, Refused, Transient
from pricectl.net.dates import retry_after
from pricectl.net.host import Host
from pricectl.net.reply import Reply, sample
from pricectl.state import Outcome
from pricectl.state.account import span

LATER = "try again in a while; --offline answers with what is stored"
CLOSED_DOORS = frozenset({403, 451, 999})  # refused as a client, not for this request
_CURL_TLS = frozenset({35, 53, 58, 59, 60, 77, 83, 91})  # libcurl's error codes that mean TLS or a certificate
_CURL_TOO_LARGE = 63
_BANNED_UNTIL = re.compile(rb"banned until ([0-9]{13})")


class WrongKey(Refused):
    """Refused for the key that was shown."""


class Unreachable(Transient):
    """Transient, and no connection was made: as likely our own network as the provider."""


def check(host: Host, reply: Reply) -> None:
    """Nothing, if the answer is for the provider's reading function; else raises what its status means."""
    status = reply.status
    if status == 200:
        if _is_web_page(reply):
            raise Transient(f"{host.name} answered with a web page in place of data", LATER, host.name)
        return
    if status in host.reads:
        return
    said = f"{host.name} answered {status}"
    if status in (418, 429):
        raise RateLimited(said, "", host.name, _pause(reply), banned=status == 418)
    if status == 503 and (pause := _pause(reply)) is not None:
        raise RateLimited(said, "", host.name, pause)
    if status == 408 or 500 <= status <= 599:
        raise Transient(said, LATER, host.name)
    if 300 <= status <= 399:
        raise Refused(f"{said}, a redirect to {_target(reply)}, which is not followed", _hint(host, 300), host.name)
    if status >= 400:
        kind = WrongKey if status == 401 and host.key else Refused
        raise kind(f"{said}{_meaning(status)}", _hint(host, status), host.name)
    raise BadPayload(f"{said}, which is no answer to a question", LATER, host.name)


def paused(host: Host, error: RateLimited, pause_s: float) -> RateLimited:
    """The error of a pause that has now been entered in the ledger, with its length."""
    return RateLimited(
        f"{error}: nothing more is sent to it for {span(pause_s)}", LATER, host.name, pause_s, error.banned
    )


def outcome(error: ProviderError, status: int) -> Outcome:
    """What an error says of the provider's health; ``status`` 0: there was no answer."""
    if isinstance(error, RateLimited):
        return Outcome.ABANDONED  # the pause says it all
    if isinstance(error, Unreachable):
        return Outcome.UNREACHABLE
    if isinstance(error, Transient):
        return Outcome.FAILED
    return Outcome.REFUSED if status in CLOSED_DOORS else Outcome.ANSWERED


def transport(host: Host, error: Exception) -> ProviderError:
    """The typed error of a failure below HTTP (an ``httpx`` error, or the time-out of an attempt)."""
    import ssl

    causes = list(_causes(error))
    if any(getattr(cause, "code", None) == _CURL_TOO_LARGE for cause in causes):
        return BadPayload(f"{host.name} answered with more than is read", LATER, host.name)
    tls = next((cause for cause in causes if _is_tls(cause, ssl.SSLError)), None)
    if tls is not None:
        why = getattr(tls, "verify_message", "") or getattr(tls, "reason", "") or "no agreement"
        return Refused(
            f"no trusted connection to {host.name}: its certificate or TLS was not accepted ({why})",
            "check SSL_CERT_FILE, the proxy settings and the clock of this machine",
            host.name,
        )
    kind = type(error).__name__
    if "Connect" in kind or "Proxy" in kind:
        return Unreachable(f"no connection to {host.name}", "check the network and the proxy settings", host.name)
    if "Timeout" in kind:
        return Transient(f"{host.name} did not answer in time", LATER, host.name)
    return Transient(f"{host.name} broke off or sent something that is not HTTP", LATER, host.name)


def _pause(reply: Reply) -> float | None:
    """The longer of the Retry-After header and the end of the ban that Binance names in its text (-1003)."""
    header = retry_after(reply.headers.get("retry-after"), reply.server_ms)
    ban = _BANNED_UNTIL.search(reply.body)
    named = None if ban is None else max(int(ban[1]) - reply.server_ms, 0) / 1000
    return max((pause for pause in (header, named) if pause is not None), default=None)


def _is_web_page(reply: Reply) -> bool:
    start = reply.body[:64].lstrip().lower()
    return "html" in reply.headers.get("content-type", "").lower() or start.startswith((b"<!doctype html", b"<html"))


def _target(reply: Reply) -> str:
    """The host of a redirect, never its path: consent pages carry tokens there."""
    from urllib.parse import urlsplit

    try:
        target = urlsplit(reply.headers.get("location", "")).hostname
    except ValueError:
        target = None
    return sample((target or "another page").encode())


def _meaning(status: int) -> str:
    return {
        401: ": it wants a key, or another one",
        403: ": its firewall refuses this address or client",
        407: ": the proxy wants a log-in",
        451: ": it does not serve this region",
        999: ": it refuses this client",
    }.get(status, "")


def _hint(host: Host, status: int) -> str:
    if status == 407:
        return "check the proxy settings in the environment"
    if status == 401 and host.key:
        return f"check PRICECTL_{host.name.upper()}_TOKEN"
    return f"another base address can be set with PRICECTL_{host.name.upper()}_URL"


def _is_tls(cause: BaseException, ssl_error: type[Exception]) -> bool:
    return isinstance(cause, ssl_error) or getattr(cause, "code", None) in _CURL_TLS


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    for _ in range(10):
        if seen is None:
            return
        yield seen
        seen = seen.__cause__ or seen.__context__
